"""Turns every error into words for users; the only place that does.

An error of the engine is a *kind* with a few facts (host, port, what the server said).
:func:`explain` turns it into a sentence that says what is wrong and what to do next, in
the language of the environment. The sentence does not say which server it is about: if
the screen does not show that, :func:`with_side` puts it in front.
"""

from __future__ import annotations

from math import ceil, floor

from odoo.exceptions import UserError

from .credentials import KeyFault, KeyProblem
from .engine.errors import EngineError, Field, ImportFailure, Kind, Side
from .engine.imap.messages import MAX_MESSAGE
from .formatting import format_size

#: The sentence of each kind, made from an environment and the values of
#: :func:`_values`. Kind.CERTIFICATE_INVALID depends on the field and has none here.
_BY_KIND = {
    # Reaching the server
    Kind.HOST_UNKNOWN: lambda env, values: env._(
        "The server name %(host)s does not exist. Check the host.", **values
    ),
    Kind.HOST_FORBIDDEN: lambda env, values: env._(
        "Odoo may not connect to %(host)s, port %(port)s: it is a private address or a "
        "port that is not for mail. An administrator can allow it with the system "
        "parameter mailbox_connector.allowed_networks.",
        **values,
    ),
    Kind.REFUSED: lambda env, values: env._(
        "%(host)s does not respond on port %(port)s. Check host and port.", **values
    ),
    Kind.UNREACHABLE: lambda env, values: env._(
        "%(host)s cannot be reached. Check the host, or try again later.", **values
    ),
    Kind.TIMEOUT: lambda env, values: env._(
        "%(host)s does not respond on port %(port)s within the time allowed. Check "
        "host, port and encryption.",
        **values,
    ),
    Kind.DEADLINE: lambda env, values: env._(
        "%(host)s does not respond within the time allowed. Check host, port and "
        "encryption.",
        **values,
    ),
    Kind.CONNECTION_LOST: lambda env, values: env._(
        "The connection to %(host)s was lost. Odoo retries automatically.", **values
    ),
    # TLS
    Kind.CERTIFICATE_NAME: lambda env, values: env._(
        "The certificate of %(host)s was issued for another name (%(detail)s). Check "
        "the host; use the name your provider gives.",
        **values,
    ),
    Kind.CERTIFICATE_ISSUER: lambda env, values: env._(
        "The certificate of %(host)s comes from an issuer that is not trusted. If the "
        "server uses a private certificate authority, add its certificate under "
        "Advanced.",
        **values,
    ),
    Kind.CERTIFICATE_DATE: lambda env, values: env._(
        "The certificate of %(host)s has expired or is not valid yet. The server's "
        "administrator has to renew it.",
        **values,
    ),
    Kind.TLS_ON_PLAIN_PORT: lambda env, values: env._(
        "Port %(port)s of %(host)s does not speak TLS from the start. Choose the "
        "encryption STARTTLS, or the port for TLS.",
        **values,
    ),
    Kind.PLAIN_ON_TLS_PORT: lambda env, values: env._(
        "Port %(port)s of %(host)s speaks TLS from the start. Choose the encryption "
        "TLS, or the port for STARTTLS.",
        **values,
    ),
    Kind.STARTTLS_MISSING: lambda env, values: env._(
        "%(host)s does not offer STARTTLS on port %(port)s. Choose the encryption TLS "
        "and its port; Odoo never connects without encryption.",
        **values,
    ),
    Kind.STARTTLS_INJECTION: lambda env, values: env._(
        "The connection to %(host)s was tampered with while encryption was being "
        "started, so Odoo closed it.",
        **values,
    ),
    # Signing in
    Kind.LOGIN_WRONG: lambda env, values: env._(
        "%(host)s refuses the username or the password. Check both: the username may "
        "have to be the whole address, and the provider may require an app password, "
        "or IMAP/SMTP access to be turned on first.",
        **values,
    ),
    Kind.APP_PASSWORD_NEEDED: lambda env, values: env._(
        "%(host)s requires an app password instead of the account's own. Create one in "
        "the provider's security settings and enter it here.",
        **values,
    ),
    Kind.PASSWORDS_REFUSED: lambda env, values: env._(
        "%(host)s does not allow password sign-in for mail apps. Use Odoo's own "
        "Outlook or Gmail connection for this provider, or ask its administrator to "
        "allow it.",
        **values,
    ),
    Kind.WEB_LOGIN_NEEDED: lambda env, values: env._(
        "The provider asks you to sign in once with a web browser, and to check that "
        "IMAP is turned on. Then try again.",
        **values,
    ),
    Kind.ACCOUNT_BLOCKED: lambda env, values: env._(
        "The provider has locked or limited this account: “%(detail)s”. Its "
        "administrator, or the provider, has to lift that.",
        **values,
    ),
    Kind.TOO_MANY_CONNECTIONS: lambda env, values: env._(
        "The account has too many connections open at %(host)s. Close other mail "
        "apps or wait some minutes; the password is not the problem.",
        **values,
    ),
    Kind.NO_AUTH_OFFERED: lambda env, values: env._(
        "%(host)s does not let anybody sign in on port %(port)s. Check port and "
        "encryption.",
        **values,
    ),
    # Working
    Kind.THROTTLED: lambda env, values: env._(
        "The provider asks to slow down. Odoo continues automatically later.", **values
    ),
    Kind.TRANSIENT: lambda env, values: env._(
        "%(host)s has a temporary problem. Odoo retries automatically.", **values
    ),
    Kind.FOLDER_GONE: lambda env, values: env._(
        "The folder %(detail)s no longer exists on the server; its e-mails stay in "
        "Odoo.",
        **values,
    ),
    Kind.QUOTA: lambda env, values: env._(
        "The mailbox is full. Delete e-mails at the provider, or ask for more space.",
        **values,
    ),
    Kind.TOO_LARGE: lambda env, values: env._(
        "The e-mail is larger than %(host)s allows. Send large files as a link, or "
        "make them smaller.",
        **values,
    ),
    Kind.PROTOCOL: lambda env, values: env._(
        "%(host)s responds in a way that Odoo does not understand. Check host, port "
        "and encryption.",
        **values,
    ),
    # Saving an e-mail in a folder
    Kind.NO_PERMISSION: lambda env, values: env._(
        "%(host)s does not let this account save e-mails in the folder. Ask the "
        "provider, or the administrator of the mail server.",
        **values,
    ),
    Kind.FOLDER_READ_ONLY: lambda env, values: env._(
        "%(host)s opens the folder for reading only. Ask the provider, or the "
        "administrator of the mail server.",
        **values,
    ),
    Kind.COPY_REFUSED: lambda env, values: env._(
        "%(host)s refuses to save the e-mail in the folder.", **values
    ),
    # Sending
    Kind.SENDER_REFUSED: lambda env, values: env._(
        "%(host)s does not let this account send as this address. Use the mailbox's "
        "own address or an alias of it.",
        **values,
    ),
    Kind.RECIPIENT_REFUSED: lambda env, values: env._(
        "%(host)s refuses the recipient %(detail)s.", **values
    ),
    Kind.TOO_MANY_RECIPIENTS: lambda env, values: env._(
        "The e-mail has more recipients than %(host)s accepts at once. Send it to "
        "fewer at a time.",
        **values,
    ),
    Kind.SENDING_LIMIT: lambda env, values: env._(
        "The provider's sending limit is reached. Wait until it resets.", **values
    ),
    Kind.CLIENT_REFUSED: lambda env, values: env._(
        "%(host)s does not accept e-mails from this account or from Odoo's server. "
        "Check host, port and username, or ask the server's administrator to allow it.",
        **values,
    ),
    Kind.GREYLISTED: lambda env, values: env._(
        "%(host)s asks to try again a little later.", **values
    ),
    Kind.CONTENT_REFUSED: lambda env, values: env._(
        "%(host)s refuses this e-mail.", **values
    ),
    Kind.FILE_REFUSED: lambda env, values: env._(
        "%(host)s does not accept a file in this e-mail: its type is forbidden, or it "
        "looks dangerous. Send it in another way, for example as a link.",
        **values,
    ),
    Kind.OUTCOME_UNKNOWN: lambda env, values: env._(
        "The connection to %(host)s was lost while it was accepting the e-mail. It may "
        "have been sent: look in the Sent folder before you send it again.",
        **values,
    ),
}

#: If a copy of a sent e-mail cannot be saved: what was sent need not change, and the
#: settings were right a moment ago.
_NOT_FILED = {
    Kind.FOLDER_GONE: lambda env, values: env._(
        "the folder no longer exists on the server. Create it again there."
    ),
    Kind.TOO_LARGE: lambda env, values: env._(
        "the e-mail is larger than %(host)s allows in a folder.", **values
    ),
    Kind.PROTOCOL: lambda env, values: env._(
        "%(host)s responds in a way that Odoo does not understand. Odoo retries "
        "automatically.",
        **values,
    ),
    **dict.fromkeys(
        (
            Kind.HOST_UNKNOWN,
            Kind.REFUSED,
            Kind.UNREACHABLE,
            Kind.TIMEOUT,
            Kind.DEADLINE,
        ),
        lambda env, values: env._(
            "%(host)s cannot be reached at the moment. Odoo retries automatically.",
            **values,
        ),
    ),
}

#: If the field says more than the kind.
_BY_FIELD = {
    (Kind.ACCOUNT_BLOCKED, Field.PASSWORD): lambda env, values: env._(
        "The password has expired. Set a new one at the provider, then enter it here."
    ),
    (Kind.ACCOUNT_BLOCKED, Field.SECURITY): lambda env, values: env._(
        "Choose the encryption TLS and its port: %(host)s lets nobody sign in "
        "otherwise.",
        **values,
    ),
    (Kind.CERTIFICATE_INVALID, Field.CERTIFICATE): lambda env, values: env._(
        "The CA certificate under Advanced is not a PEM certificate."
    ),
}

#: If the provider has a page about it: the page that the sentence needs, and the
#: sentence. The first page that the provider has decides.
_BY_PROVIDER = {
    Kind.APP_PASSWORD_NEEDED: [
        (
            "app_password_url",
            lambda env, values: env._(
                "Create an app password on %(app_page)s and enter it here: "
                "%(provider)s does not accept the account's own.",
                **values,
            ),
        ),
    ],
    Kind.LOGIN_WRONG: [
        (
            "app_password_url",
            lambda env, values: env._(
                "%(host)s refuses the username or the password. %(provider)s requires "
                "an app password: create one on %(app_page)s and enter it here. If you "
                "entered one, check the username, and whether IMAP/SMTP access is "
                "turned on.",
                **values,
            ),
        ),
        (
            "help_url",
            lambda env, values: env._(
                "%(host)s refuses the username or the password. Check both, and what "
                "%(provider)s requires to be turned on first: %(page)s",
                **values,
            ),
        ),
    ],
    Kind.WEB_LOGIN_NEEDED: [
        (
            "help_url",
            lambda env, values: env._(
                "Sign in to %(provider)s once with a web browser, and check that IMAP "
                "is turned on: %(page)s. Then try again.",
                **values,
            ),
        ),
    ],
    Kind.PASSWORDS_REFUSED: [
        (
            "help_url",
            lambda env, values: env._(
                "%(provider)s does not allow password sign-in for mail apps here. Use "
                "Odoo's own Outlook or Gmail connection, or ask the account's "
                "administrator to allow it: %(page)s",
                **values,
            ),
        ),
    ],
}

_BY_KEY_FAULT = {
    KeyFault.NONE: lambda env, detail: env._("No encryption key is configured."),
    KeyFault.INVALID: lambda env, detail: env._(
        "A configured encryption key is not valid."
    ),
    KeyFault.MISSING: lambda env, detail: env._(
        "The encryption key %s is not on this server.", detail
    ),
    KeyFault.ALTERED: lambda env, detail: env._("The stored password was altered."),
    KeyFault.FILE_LOST: lambda env, detail: env._(
        "The key file is missing from Odoo's data directory, but passwords are stored "
        "under its key (%s).",
        detail,
    ),
    KeyFault.FILE_UNREADABLE: lambda env, detail: env._(
        "The key file %s cannot be read.", detail
    ),
    KeyFault.FILE_UNWRITABLE: lambda env, detail: env._(
        "The key file %s cannot be written.", detail
    ),
}


def explain(env, error: EngineError, provider=None) -> str:
    """What is wrong, which field to look at, and what the server said.

    :param env: an Odoo environment, for the user's language
    :param provider: the mailbox's ``mailbox.provider``, if it is known: the sentence
        then names the provider's own pages
    """
    sentence = _sentence(env, error, provider)
    words = error.server_text
    if not words or words in sentence:
        return sentence
    return f"{sentence} {env._('The server said: “%s”', words)}"


def explain_not_filed(env, error: EngineError, folder: str) -> str:
    """The same where the copy of a sent e-mail could not be saved in a folder.

    :param folder: the folder's name
    """
    reason = _reason_not_filed(env, error)
    sentence = env._(
        "The e-mail was sent. The copy could not be saved in %(folder)s: %(reason)s",
        folder=folder,
        reason=reason,
    )
    words = error.server_text
    if not words or words in sentence:
        return sentence
    return f"{sentence} {env._('The server said: “%s”', words)}"


def _reason_not_filed(env, error: EngineError) -> str:
    values = _values(env, error, None)
    if error.size and error.limit:
        return env._(
            "the e-mail is %(size)s; this server accepts up to %(limit)s in a folder.",
            size=format_size(error.size, ceil),
            limit=format_size(error.limit, floor),
        )
    if make := _NOT_FILED.get(error.kind):
        return make(env, values)
    return _sentence(env, error, None)


def explain_any(env, error: Exception, provider=None) -> str:
    """The same for anything that may stop the work on a mailbox: an
    :class:`EngineError`, a ``UserError``, a file that cannot be stored (``OSError``),
    or an unexpected error, whose details are only in the log."""
    match error:
        case EngineError():
            return explain(env, error, provider)
        case UserError():
            return str(error)
        case OSError():
            return env._(
                "Odoo's own server could not store an e-mail: %s. The administrator "
                "has to free up space.",
                error.strerror or error,
            )
        case _:
            return env._("An unexpected error. The administrator finds it in the log.")


def explain_import_failure(env, failure: ImportFailure) -> str:
    """Why an e-mail could not be imported, in one sentence.

    :param env: an Odoo environment, for the user's language
    """
    match failure:
        case ImportFailure.WITHHELD:
            return env._("The server lists this e-mail but does not return it.")
        case ImportFailure.BREAKS_OFF:
            return env._(
                "The server breaks off whenever this e-mail is requested. If it does "
                "not open in your mail app either, ask the mail server's administrator."
            )
        case ImportFailure.TOO_LARGE:
            size = MAX_MESSAGE // 1_000_000
            return env._("The e-mail is larger than %s MB.", size)
        case ImportFailure.TOO_MANY_PARTS:
            return env._("The e-mail has too many parts.")
        case ImportFailure.NESTED_TOO_DEEPLY:
            return env._("The parts of the e-mail are nested too deeply.")
        case ImportFailure.UNREADABLE:
            return env._("The e-mail needs too much memory to be read.")
        case ImportFailure.UNEXPECTED:
            return env._(
                "An unexpected error occurred with this e-mail. The administrator "
                "finds it in the log."
            )


def explain_key_problem(env, problem: KeyProblem) -> str:
    """Why a password cannot be stored or decrypted, and who can help."""
    reason = _BY_KEY_FAULT[problem.fault](env, problem.detail)
    return env._("%s Ask the administrator of Odoo.", reason)


def with_side(env, side: str, sentence: str) -> str:
    """``sentence`` after the name of the connection that it is about.

    :param side: "imap" or "smtp"
    """
    if Side(side) is Side.IMAP:
        return env._("Reading (IMAP): %s", sentence)
    return env._("Sending (SMTP): %s", sentence)


def _values(env, error: EngineError, provider) -> dict:
    """What may be named in a sentence."""
    values = {
        "host": error.host or env._("The server"),
        "port": error.port or "?",
        "detail": error.detail or error.server_text,
    }
    if provider:
        values["provider"] = provider.name
        values["app_page"] = provider.app_password_url
        values["page"] = provider.help_url
    return values


def _sentence(env, error: EngineError, provider) -> str:
    values = _values(env, error, provider)
    for page, make in _BY_PROVIDER.get(error.kind, ()) if provider else ():
        if provider[page]:
            return make(env, values)
    if make := _BY_FIELD.get((error.kind, error.field)):
        return make(env, values)
    if make := _BY_FACT.get(error.kind):
        if sentence := make(env, error, values):
            return sentence
    return _BY_KIND[error.kind](env, values)


def _certificate(env, _error: EngineError, values: dict) -> str:
    return env._("The certificate of %(host)s is not valid: %(detail)s", **values)


def _size(env, error: EngineError, _values: dict) -> str:
    """If both sizes are known; rounded so that the larger one looks larger."""
    if not (error.size and error.limit):
        return ""
    return env._(
        "The e-mail is %(size)s; this server accepts up to %(limit)s. Send large files "
        "as a link, or make them smaller.",
        size=format_size(error.size, ceil),
        limit=format_size(error.limit, floor),
    )


def _address(env, error: EngineError, values: dict) -> str:
    """No server was asked, because this kind of address cannot be used."""
    if not error.detail or error.server_text:
        return ""
    if error.detail.isascii():
        return env._(
            "“%(detail)s” is not an e-mail address. Correct it, then send again.",
            **values,
        )
    return env._(
        "%(host)s cannot send to or from %(detail)s: it accepts only addresses of "
        "plain letters (a to z, without accents). Use another address.",
        **values,
    )


def _full(env, error: EngineError, values: dict) -> str:
    """Somebody else's mailbox is full, not this one."""
    if error.side is not Side.SMTP or not error.detail:
        return ""
    return env._("The mailbox of %(detail)s is full.", **values)


#: If a fact says more than the kind; '' if it does not.
_BY_FACT = {
    Kind.CERTIFICATE_INVALID: _certificate,
    Kind.TOO_LARGE: _size,
    Kind.SENDER_REFUSED: _address,
    Kind.RECIPIENT_REFUSED: _address,
    Kind.QUOTA: _full,
}
