"""A connection test in words, as the dialog of **Connect IMAP** shows it."""

from __future__ import annotations

from odoo.tools import format_date

from ...engine.connection_test.steps import ConnectionTest, State, Step, StepName
from ...engine.errors import EngineError, Field, Kind, Side
from ...error_messages import explain

#: From the engine's fields to those of the form, if the name differs.
_FIELDS = {Field.CERTIFICATE: "ca_certificate", Field.ADDRESS: "email"}
_REFUSED = (Kind.LOGIN_WRONG, Kind.APP_PASSWORD_NEEDED)
_SIGN_IN = (*_REFUSED, Kind.PASSWORDS_REFUSED, Kind.WEB_LOGIN_NEEDED)
#: What a wrong host looks like.
_WRONG_HOST = (
    Kind.HOST_UNKNOWN,
    Kind.HOST_FORBIDDEN,
    Kind.UNREACHABLE,
    Kind.REFUSED,
    Kind.TIMEOUT,
    Kind.CERTIFICATE_NAME,
)


def describe(
    account, test: ConnectionTest, tests: dict[str, ConnectionTest] | None = None
) -> dict:
    """The test of one server, in the user's language, as values for JSON.

    - ``side``: "imap" or "smtp"
    - ``ok``: True, False, or None while it is not known
    - ``problem``: what is wrong and what to do, or False
    - ``field``: the setting that it points to ("host", "port", "security", "username",
      "password", "ca_certificate", "email"), or False; ``label``: its name on the form
    - ``hints``: possible causes, the likeliest first; ``links``: pages of
      the provider, {"text", "url"}
    - ``steps``: {"name", "state", "ok", "text", "detail"}, see
      ``engine.connection_test.steps``
    - ``alternatives``: {"port", "security", "text"}, on which the server responds;
      ``searching``: they are being looked for
    - ``transcript``: lines of the protocol, without credentials

    :param tests: the tests of all servers, when all are done
    """
    error = test.error
    side, field = test.side.value, field_of(error)
    return {
        "side": side,
        "ok": not error if test.is_done else None,
        "problem": bool(error) and explain(account.env, error, account.provider_id),
        "field": field,
        "label": label_of(account, side, field),
        "hints": _hints(account, error, tests or {}),
        "links": _links(account, error),
        "steps": [_step(account, side, step) for step in test.steps],
        "alternatives": [
            {"port": port, "security": security.value, "text": security.value.upper()}
            for port, security in test.alternatives[:1]
        ],
        "searching": test.is_searching,
        "transcript": test.transcript,
    }


def not_tested(account, side: str, problem=False, field=False) -> dict:
    """The same for a server that is not tested: not yet, or because of ``problem``."""
    test = ConnectionTest.of(Side(side))
    if problem:
        for step in test.steps:
            test.set(step.name, State.NOT_REACHED)
    return {
        **describe(account, test),
        "ok": False if problem else None,
        "problem": problem,
        "field": field,
        "label": label_of(account, side, field),
    }


def no_server(side: str) -> dict:
    """The same if no server is set."""
    empty = dict.fromkeys(("problem", "field", "label", "searching"), False)
    lists = ("hints", "links", "steps", "alternatives", "transcript")
    return {**empty, **{name: [] for name in lists}, "side": side, "ok": None}


def field_of(error: EngineError | None):
    """The name of the form's field, without the side; False if there is none."""
    if not error or not error.field:
        return False
    return _FIELDS.get(error.field, error.field.value)


def label_of(account, side: str, field):
    """What the form calls a field; False if there is none."""
    if not field:
        return False
    name = field if field in _FIELDS.values() else f"{side}_{field}"
    return account.fields_get([name], ["string"])[name]["string"]


def _hints(
    account, error: EngineError | None, tests: dict[str, ConnectionTest]
) -> list:
    """Possible causes besides the server's reply."""
    env = account.env
    if error and error.kind in _WRONG_HOST:
        return _other_host(account, error.side.value)
    if not error or error.kind not in _REFUSED:
        return []
    hints = []
    side, other = ("imap", "smtp") if error.side is Side.IMAP else ("smtp", "imap")
    if other in tests and tests[other].error is None:
        hints.append(_other_works(account, side))
    username = account[f"{side}_username"] or ""
    if "@" not in username:
        hints.append(
            env._(
                "Many providers require the whole address as username: %s",
                account.email,
            )
        )
    return hints


def _other_host(account, side: str) -> list:
    """The provider's own host, if another one was entered."""
    provider = account.provider_id
    host = provider[f"{side}_host"]
    if not host or host == account[f"{side}_host"]:
        return []
    return [
        account.env._(
            "The server of %(provider)s is %(host)s.", provider=provider.name, host=host
        )
    ]


def _other_works(account, side: str) -> str:
    env = account.env
    shared = not (account.two_accounts or account.smtp_password_set)
    if side == "smtp" and shared:
        return env._(
            "Reading works with the same username and password, so these are right. "
            "Check whether the provider has to allow sending (SMTP) first, or requires "
            "another username or password for it."
        )
    if side == "smtp":
        return env._(
            "Reading works. Sending has its own username or password: enter those "
            "again."
        )
    if shared:
        return env._(
            "Sending works with the same username and password, so these are right. "
            "Check whether the provider has to allow reading (IMAP) first."
        )
    return env._(
        "Sending works. It has its own username or password, so enter those for "
        "reading again."
    )


def _links(account, error: EngineError | None) -> list:
    """Helpful pages of the provider, if the problem is about signing in."""
    provider = account.provider_id
    if not error or error.kind not in _SIGN_IN or not provider:
        return []
    env = account.env
    links = []
    if provider.app_password_url and error.kind in _REFUSED:
        text = env._("%s: how to make an app password", provider.name)
        links.append({"text": text, "url": provider.app_password_url})
    if provider.help_url:
        text = env._("%s: IMAP and SMTP settings", provider.name)
        links.append({"text": text, "url": provider.help_url})
    return links


def _step(account, side: str, step: Step) -> dict:
    text, detail = _WORDS[step.name](account, side, step)
    return {
        "name": step.name.value,
        "state": step.state.value,
        "ok": step.state in (State.OK, State.WARNING),
        "text": text,
        "detail": detail,
    }


def _resolve(account, side, step):
    host = account[f"{side}_host"] or ""
    if step.state is State.OK:
        text = account.env._("Server %s found", host)
        return text, ", ".join(step.facts["addresses"])
    return account.env._("Find the server %s", host), ""


def _connect(account, side, step):
    port = account[f"{side}_port"]
    if step.state is State.OK:
        return account.env._("Connected to port %s", port), ""
    return account.env._("Connect to port %s", port), ""


def _encrypt(account, _side, step):
    env = account.env
    if step.state not in (State.OK, State.WARNING):
        return env._("Encrypt the connection"), ""
    facts = step.facts
    until = facts["until"]
    values = {**facts, "until": format_date(env, until.date()) if until else "?"}
    detail = env._(
        "Certificate of %(subject)s, issued by %(issuer)s, valid until %(until)s.",
        subject=values["subject"],
        issuer=values["issuer"],
        until=values["until"],
    )
    if step.state is State.OK:
        return env._("Connection encrypted"), detail
    text = env._("Connection encrypted; the certificate expires soon")
    remedy = env._(
        "The server's administrator has to renew it by then; otherwise nothing can be "
        "read or sent any more."
    )
    return text, f"{detail} {remedy}"


def _sign_in(account, side, step):
    username = account[f"{side}_username"] or ""
    if step.state is State.OK:
        return account.env._("Signed in as %s", username), ""
    return account.env._("Sign in as %s", username), ""


def _folders(account, _side, step):
    env = account.env
    if step.state not in (State.OK, State.WARNING):
        return env._("Read the folders"), ""
    facts = step.facts
    if step.state is State.OK:
        detail = env._(
            "Inbox: %(inbox)s. Sent mail: %(sent)s. Number of e-mails: %(messages)s.",
            inbox=facts["inbox"],
            sent=facts["sent"],
            messages=facts["messages"],
        )
        return env._("Folders read: %s", facts["count"]), detail
    if facts["inbox"]:
        detail = env._(
            "No folder with sent e-mails was found. Choose it below; without it, "
            "e-mails that you send from other mail apps may not be shown."
        )
    else:
        detail = env._(
            "No inbox was found. Check the list below: are these the folders of this "
            "mailbox?"
        )
    return env._("Folders read: %s", facts["count"]), detail


def _sender(account, _side, step):
    env = account.env
    email = account.email or ""
    if step.state is State.OK:
        return env._("May send as %s", email), ""
    if step.state is not State.WARNING:
        return env._("Ask whether it may send as %s", email), ""
    text = env._("The server did not say whether it may send as %s", email)
    reason = explain(env, step.facts["error"], account.provider_id)
    remedy = env._("The settings are right. Send a test e-mail to find out.")
    return text, f"{remedy} {reason}"


_WORDS = {
    StepName.RESOLVE: _resolve,
    StepName.CONNECT: _connect,
    StepName.ENCRYPT: _encrypt,
    StepName.SIGN_IN: _sign_in,
    StepName.FOLDERS: _folders,
    StepName.SENDER: _sender,
}
