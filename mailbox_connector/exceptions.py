"""Where an engine error becomes words that a user reads. Nowhere else."""

from __future__ import annotations

from .engine.errors import EngineError, Field, Kind, Side


def explain(env, error: EngineError) -> str:
    """One clear sentence or two: which side, what is wrong, which field to look at.

    :param env: an Odoo environment, for the user's language
    """
    values = {
        "host": error.host or env._("The server"),
        "port": error.port or "?",
        "detail": error.detail or error.server_text,
    }
    sentences = {
        Kind.HOST_UNKNOWN: env._(
            "The server name %(host)s does not exist. Check the host.", **values
        ),
        Kind.HOST_FORBIDDEN: env._(
            "Odoo may not connect to %(host)s, port %(port)s: it is a private address "
            "or a port that is not for mail. An administrator can allow it with the "
            "system parameter mailbox_connector.allowed_networks.",
            **values,
        ),
        Kind.REFUSED: env._(
            "%(host)s does not answer on port %(port)s. Check host and port.", **values
        ),
        Kind.UNREACHABLE: env._(
            "%(host)s cannot be reached. Check the host, or try again later.", **values
        ),
        Kind.TIMEOUT: env._(
            "%(host)s does not answer on port %(port)s within the time allowed. "
            "Check host, port and encryption.",
            **values,
        ),
        Kind.DEADLINE: env._(
            "%(host)s does not answer within the time allowed. Check host, port and "
            "encryption.",
            **values,
        ),
        Kind.CONNECTION_LOST: env._(
            "The connection to %(host)s was lost. It is tried again by itself.",
            **values,
        ),
        Kind.CERTIFICATE_NAME: env._(
            "The certificate of %(host)s is made out to another name (%(detail)s). "
            "Check the host; use the name your provider gives.",
            **values,
        ),
        Kind.CERTIFICATE_ISSUER: env._(
            "The certificate of %(host)s comes from an issuer that is not trusted. "
            "If the server uses a private certificate authority, add its certificate "
            "under Advanced.",
            **values,
        ),
        Kind.CERTIFICATE_DATE: env._(
            "The certificate of %(host)s has expired or is not valid yet. The "
            "server's administrator has to renew it.",
            **values,
        ),
        Kind.TLS_ON_PLAIN_PORT: env._(
            "Port %(port)s of %(host)s does not speak TLS from the start. Choose "
            "the encryption STARTTLS, or the port for TLS.",
            **values,
        ),
        Kind.PLAIN_ON_TLS_PORT: env._(
            "Port %(port)s of %(host)s speaks TLS from the start. Choose the "
            "encryption TLS, or the port for STARTTLS.",
            **values,
        ),
        Kind.STARTTLS_MISSING: env._(
            "%(host)s does not offer STARTTLS on port %(port)s. Choose the encryption "
            "TLS and its port; an unencrypted connection is never made.",
            **values,
        ),
        Kind.STARTTLS_INJECTION: env._(
            "The connection to %(host)s was tampered with while it was being "
            "encrypted, and was given up.",
            **values,
        ),
        Kind.LOGIN_WRONG: env._(
            "%(host)s refuses the username or the password. Check both; is the "
            "username the whole address, and does the provider want an app password "
            "or IMAP/SMTP access switched on first?",
            **values,
        ),
        Kind.APP_PASSWORD_NEEDED: env._(
            "%(host)s wants an app password instead of the account's own. Make one in "
            "the provider's security settings and type it here.",
            **values,
        ),
        Kind.PASSWORDS_REFUSED: env._(
            "%(host)s takes no passwords from programs. Use Odoo's own Outlook or "
            "Gmail connection for this provider, or ask its administrator to allow "
            "them.",
            **values,
        ),
        Kind.WEB_LOGIN_NEEDED: env._(
            "The provider asks you to sign in once with a web browser, and to check "
            "that IMAP is switched on. Then try again.",
            **values,
        ),
        Kind.ACCOUNT_BLOCKED: env._(
            "The provider has locked or limited this account: %(detail)s", **values
        ),
        Kind.TOO_MANY_CONNECTIONS: env._(
            "The account has too many connections open at %(host)s. Close other mail "
            "programs or wait some minutes; the password is not the problem.",
            **values,
        ),
        Kind.NO_AUTH_OFFERED: env._(
            "%(host)s does not let anybody sign in on port %(port)s. Check port and "
            "encryption.",
            **values,
        ),
        Kind.THROTTLED: env._(
            "The provider asks to slow down. It goes on by itself later.", **values
        ),
        Kind.TRANSIENT: env._(
            "%(host)s has a passing problem. It is tried again by itself.", **values
        ),
        Kind.FOLDER_GONE: env._(
            "The folder %(detail)s no longer exists on the server; its mail stays in "
            "Odoo.",
            **values,
        ),
        Kind.QUOTA: env._("The mailbox is full: %(detail)s", **values),
        Kind.TOO_LARGE: env._("The e-mail is larger than %(host)s allows.", **values),
        Kind.PROTOCOL: env._(
            "%(host)s answers in a way that is not understood. Check host, port and "
            "encryption.",
            **values,
        ),
        Kind.SENDER_REFUSED: env._(
            "%(host)s does not let this account send as this address. Use the "
            "mailbox's own address or an alias of it.",
            **values,
        ),
        Kind.RECIPIENT_REFUSED: env._(
            "%(host)s refuses the recipient %(detail)s.", **values
        ),
        Kind.TOO_MANY_RECIPIENTS: env._(
            "The e-mail has more recipients than %(host)s takes at once.", **values
        ),
        Kind.SENDING_LIMIT: env._(
            "The provider's sending limit is reached. Wait until it resets.", **values
        ),
        Kind.GREYLISTED: env._("%(host)s asks to try again a little later.", **values),
        Kind.CONTENT_REFUSED: env._("%(host)s refuses this e-mail.", **values),
        Kind.OUTCOME_UNKNOWN: env._(
            "The connection to %(host)s was lost while it took the e-mail. It may "
            "have been sent: look into the Sent folder before sending it again.",
            **values,
        ),
    }
    if error.kind is Kind.CERTIFICATE_INVALID:
        sentence = (
            env._("The CA certificate under Advanced is not a PEM certificate.")
            if error.field is Field.CERTIFICATE
            else env._("The certificate of %(host)s is not valid: %(detail)s", **values)
        )
    else:
        sentence = sentences[error.kind]
    side = (
        env._("Reading (IMAP)") if error.side is Side.IMAP else env._("Sending (SMTP)")
    )
    said = (
        env._(" The server said: “%s”", error.server_text) if error.server_text else ""
    )
    if error.server_text and error.server_text in sentence:
        said = ""
    return f"{side}: {sentence}{said}"
