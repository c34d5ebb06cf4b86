"""Where an engine error becomes words that a user reads. Nowhere else."""

from __future__ import annotations

from .engine.errors import EngineError, Field, ImportFailure, Kind, Side
from .engine.imap.messages import MAX_MESSAGE
from .engine.mime.delivery import RecipientStatus


def explain(env, error: EngineError, provider=None) -> str:
    """One clear sentence or two: which side, what is wrong, which field to look at.

    :param env: an Odoo environment, for the user's language
    :param provider: the mailbox's ``mailbox.provider``, where it is known: its pages
        are named
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
            "The provider has locked or limited this account: “%(detail)s”. Its "
            "administrator, or the provider, has to lift that.",
            **values,
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
        Kind.QUOTA: env._(
            "The mailbox is full. Make room in it at the provider, or ask for more.",
            **values,
        ),
        Kind.TOO_LARGE: env._(
            "The e-mail is larger than %(host)s allows. Send large files as a link, or "
            "make them smaller.",
            **values,
        ),
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
            "The e-mail has more recipients than %(host)s takes at once. Send it to "
            "fewer at a time.",
            **values,
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
    sentence = (
        _of_provider(env, error, provider, values)
        or _special(env, error, values)
        or sentences[error.kind]
    )
    side = (
        env._("Reading (IMAP)") if error.side is Side.IMAP else env._("Sending (SMTP)")
    )
    return f"{side}: {sentence}{_said(env, error.server_text, sentence)}"


def _said(env, words: str, sentence: str) -> str:
    """What the server said, to be put behind ``sentence``."""
    if not words or words in sentence:
        return ""
    return env._(" The server said: “%s”", words)


def _of_provider(env, error: EngineError, provider, values: dict) -> str:
    """The sentence with the provider's own pages; '' where it has none for it."""
    if not provider:
        return ""
    values = {
        **values,
        "provider": provider.name,
        "app_page": provider.app_password_url,
        "page": provider.help_url,
    }
    if error.kind is Kind.APP_PASSWORD_NEEDED and provider.app_password_url:
        return env._(
            "Make an app password on %(app_page)s and type it here: %(provider)s does "
            "not take the account's own.",
            **values,
        )
    if error.kind is Kind.LOGIN_WRONG and provider.app_password_url:
        return env._(
            "%(host)s refuses the username or the password. %(provider)s wants an app "
            "password: make one on %(app_page)s and type it here. If it is one, check "
            "the username, and whether IMAP/SMTP access is switched on.",
            **values,
        )
    if error.kind is Kind.LOGIN_WRONG and provider.help_url:
        return env._(
            "%(host)s refuses the username or the password. Check both, and what "
            "%(provider)s wants switched on first: %(page)s",
            **values,
        )
    if error.kind is Kind.WEB_LOGIN_NEEDED and provider.help_url:
        return env._(
            "Sign in to %(provider)s once with a web browser, and check that IMAP is "
            "switched on: %(page)s. Then try again.",
            **values,
        )
    if error.kind is Kind.PASSWORDS_REFUSED and provider.help_url:
        return env._(
            "%(provider)s takes no passwords from programs here. Use Odoo's own "
            "Outlook or Gmail connection, or ask the account's administrator to allow "
            "them: %(page)s",
            **values,
        )
    return ""


def _special(env, error: EngineError, values: dict) -> str:
    """The sentence where more is known than the kind; '' where not."""
    if error.kind is Kind.ACCOUNT_BLOCKED and error.field is Field.PASSWORD:
        return env._(
            "The password has expired. Set a new one at the provider, then type it "
            "here."
        )
    if error.kind is Kind.ACCOUNT_BLOCKED and error.field is Field.SECURITY:
        return env._(
            "Choose the encryption TLS and its port: %(host)s lets nobody sign in "
            "otherwise.",
            **values,
        )
    if error.kind is Kind.CERTIFICATE_INVALID:
        if error.field is Field.CERTIFICATE:
            return env._("The CA certificate under Advanced is not a PEM certificate.")
        return env._("The certificate of %(host)s is not valid: %(detail)s", **values)
    if error.kind is Kind.TOO_LARGE and error.size and error.limit:
        return env._(
            "The message is %(size)s; this server takes up to %(limit)s. Send large "
            "files as a link, or make them smaller.",
            size=_megabytes(error.size, up=True),
            limit=_megabytes(error.limit, up=False),
        )
    refused = (Kind.SENDER_REFUSED, Kind.RECIPIENT_REFUSED)
    if error.kind in refused and error.detail and not error.server_text:
        # No server was asked: the address cannot be written to this way.
        if error.detail.isascii():
            return env._(
                "“%(detail)s” is not an e-mail address. Correct it, then send again.",
                **values,
            )
        return env._(
            "%(host)s cannot send to or from %(detail)s: it takes addresses of plain "
            "letters only (a to z, without accents). Use another address.",
            **values,
        )
    if error.kind is Kind.QUOTA and error.side is Side.SMTP and error.detail:
        return env._("The mailbox of %(detail)s is full.", **values)
    return ""


def _megabytes(size: int, *, up: bool) -> str:
    """A size for people; rounded so that what is too large looks so."""
    unit, name = (1 << 20, "MB") if size >= 1 << 20 else (1 << 10, "kB")
    tenths = size * 10 / unit
    rounded = -int(-tenths // 1) if up else int(tenths)
    return f"{rounded / 10:.1f} {name}".replace(".0 ", " ")


def explain_bounce(env, status: RecipientStatus) -> str:
    """What a report says of one recipient, and the server's words behind it.

    By the enhanced status code (RFC 3463 and its registry).

    :param env: an Odoo environment, for the user's language
    """
    address = status.address
    if status.action == "delivered":
        return env._("The e-mail to %s was delivered.", address)
    if status.action in ("relayed", "expanded"):
        return env._(
            "The e-mail to %s was passed on. Whether it arrived is not reported.",
            address,
        )
    reason = _reason(env, status)
    if status.action == "delayed":
        head = env._(
            "The e-mail to %s has not arrived yet. The mail server keeps trying; "
            "there is nothing to do now.",
            address,
        )
    else:
        head = env._("The e-mail to %s was not delivered.", address)
    sentence = f"{head} {reason}".strip()
    return f"{sentence}{_said(env, status.diagnostic, sentence)}"


def _reason(env, status: RecipientStatus) -> str:
    """Why, by the status code; '' where it says nothing that helps."""
    grade, _dot, code = status.status.partition(".")
    if grade == "4" and status.action == "failed" and code in ("0.0", "4.7", "4.1"):
        return env._("The mail server tried for days and has given up.")
    subject = code.partition(".")[0]
    reasons = {
        "1.1": env._("The address does not exist."),
        "1.2": env._(
            "The domain of the address, the part behind the @, does not exist or "
            "takes no mail."
        ),
        "1.3": env._("The address is not written correctly."),
        "1.6": env._("The person has moved and left no new address."),
        "1.7": env._("The address it was sent from is not accepted."),
        "1.8": env._("The address it was sent from is not accepted."),
        "1.10": env._("The address does not exist or takes no mail."),
        "2.1": env._("The mailbox is switched off."),
        "2.2": env._("The mailbox is full."),
        "2.3": env._("The e-mail is too large for this mailbox."),
        "3.4": env._("The e-mail is too large for the recipient's server."),
        "4.1": env._("The recipient's server does not answer."),
        "5.4.1": env._("The recipient's server takes no mail for this address."),
        "4.4": env._(
            "No mail server was found for the domain of the address, the part "
            "behind the @."
        ),
        "4.6": env._(
            "The address forwards mail in a circle. Its owner has to change that."
        ),
        "4.14": env._(
            "The address forwards mail in a circle. Its owner has to change that."
        ),
        "4.7": env._("The recipient's server did not take it in time."),
        "7.1": env._("The recipient's server refuses it, by its rules or as spam."),
    }
    for one in ("7.20", "7.23", "7.25", "7.26", "7.27", "7.29"):
        reasons[one] = env._(
            "The recipient's server cannot verify that it comes from your domain. "
            "The administrator of your domain has to complete its SPF, DKIM or DMARC "
            "records."
        )
    general = {
        "1": env._("There is something wrong with the address."),
        "2": env._("The mailbox does not take it."),
        "3": env._("The recipient's server cannot take it."),
        "4": env._("The recipient's server could not be reached."),
        "6": env._("The recipient's server does not accept its content."),
        "7": reasons["7.1"],
    }
    return reasons.get(status.status) or reasons.get(code) or general.get(subject) or ""


def explain_import_failure(env, failure: ImportFailure) -> str:
    """Why an e-mail could not be imported, in one sentence.

    :param env: an Odoo environment, for the user's language
    """
    match failure:
        case ImportFailure.WITHHELD:
            return env._("The server lists this e-mail but does not hand it out.")
        case ImportFailure.TOO_LARGE:
            size = MAX_MESSAGE // 1_000_000
            return env._("The e-mail is larger than %s MB.", size)
        case ImportFailure.TOO_MANY_PARTS:
            return env._("The e-mail has too many parts.")
        case ImportFailure.NESTED_TOO_DEEPLY:
            return env._("The parts of the e-mail are nested too deeply.")
        case ImportFailure.UNREADABLE:
            return env._("The e-mail needs too much memory to be read.")
