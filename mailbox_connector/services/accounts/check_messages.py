"""The steps of a check in words, as the dialog of Connect IMAP shows them."""

from __future__ import annotations

from odoo.tools import format_date

from ...engine.check.steps import Checked, Name, State, Step
from ...engine.errors import EngineError, Field, Kind, Side
from ...error_messages import explain

#: From the engine's fields to those of the form, where the name differs.
_FIELDS = {Field.CERTIFICATE: "ca_certificate", Field.ADDRESS: "email"}
_REFUSED = (Kind.LOGIN_WRONG, Kind.APP_PASSWORD_NEEDED)
#: What a wrong host looks like.
_WRONG_HOST = (
    Kind.HOST_UNKNOWN,
    Kind.HOST_FORBIDDEN,
    Kind.UNREACHABLE,
    Kind.REFUSED,
) + (
    Kind.TIMEOUT,
    Kind.CERTIFICATE_NAME,
)


def describe(account, checked: Checked, others: dict[str, Checked] | None = None):
    """One side of a check, in the user's language, as values for JSON.

    - ``ok``: True, False, or None while it is not known
    - ``problem``: what is wrong and what to do, or False; ``sentence``: the same for
      a place that says which side it is about
    - ``field``: the setting that it points to ("host", "port", "security", "username",
      "password", "ca_certificate", "email"), or False; ``label``: its name on the form
    - ``hints``: what else is known about it, the likeliest first; ``links``: pages of
      the provider, {"text", "url"}
    - ``steps``: {"name", "state", "ok", "text", "detail"}, see ``engine.check.steps``
    - ``ways``: {"port", "security", "text"}, where the server does answer;
      ``searching``: they are being looked for
    - ``transcript``: lines of the protocol, without credentials

    :param others: all sides, when all are done
    """
    error = checked.error
    problem = bool(error) and explain(account.env, error, account.provider_id)
    return {
        "side": checked.side.value,
        "ok": not error if checked.is_done else None,
        "problem": problem,
        "sentence": _without_side(account.env, problem),
        "field": field_of(error),
        "label": label_of(account, checked.side.value, field_of(error)),
        "hints": _hints(account, error, others or {}),
        "links": _links(account, error),
        "steps": [_step(account, checked, step) for step in checked.steps],
        "ways": [
            {"port": port, "security": security.value, "text": security.value.upper()}
            for port, security in checked.ways[:1]
        ],
        "searching": checked.is_searching,
        "transcript": checked.transcript,
    }


def unchecked(account, side: str, problem=False, field=False) -> dict:
    """The same for a side that is not checked: not yet, or because of ``problem``."""
    checked = Checked.of(Side(side))
    if problem:
        for step in checked.steps:
            checked.set(step.name, State.NOT_REACHED)
    words = describe(account, checked)
    ok = False if problem else None
    sentence = problem and problem.removeprefix(f"{side.upper()}: ")
    more = {"ok": ok, "problem": problem, "sentence": sentence, "field": field}
    more["label"] = label_of(account, side, field)
    return {**words, **more}


def nothing(side: str) -> dict:
    """The same for a side without a server."""
    words = dict.fromkeys(("problem", "sentence", "field", "label", "searching"), False)
    words.update(dict.fromkeys(("hints", "links", "steps", "ways", "transcript"), []))
    return {**words, "side": side, "ok": None}


def _without_side(env, problem):
    """``problem`` for a place that says which side it is about."""
    for side in (env._("Reading (IMAP)"), env._("Sending (SMTP)")):
        if problem and problem.startswith(f"{side}: "):
            return problem.removeprefix(f"{side}: ")
    return problem


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


def _hints(account, error: EngineError | None, others: dict[str, Checked]) -> list:
    """What this check knows and the server's answer alone does not tell."""
    env = account.env
    if error and error.kind in _WRONG_HOST:
        return _other_host(account, error.side.value)
    if not error or error.kind not in _REFUSED:
        return []
    hints = []
    side, other = ("imap", "smtp") if error.side is Side.IMAP else ("smtp", "imap")
    if other in others and others[other].error is None:
        hints.append(_other_works(account, side))
    username = account[f"{side}_username"] or ""
    if "@" not in username:
        hints.append(
            env._(
                "Many providers want the whole address as username: %s", account.email
            )
        )
    return hints


def _other_host(account, side: str) -> list:
    """The provider's own host, where another one was typed."""
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
            "Look whether the provider has to allow sending (SMTP) first, or wants "
            "another username or password for it."
        )
    if side == "smtp":
        return env._(
            "Reading works. Sending has a username or password of its own: type those "
            "again."
        )
    if shared:
        return env._(
            "Sending works with the same username and password, so these are right. "
            "Look whether the provider has to allow reading (IMAP) first."
        )
    return env._(
        "Sending works. It has a username or password of its own, so type those for "
        "reading again."
    )


def _links(account, error: EngineError | None) -> list:
    """Pages of the provider that help, where it is about signing in."""
    provider = account.provider_id
    signing_in = (*_REFUSED, Kind.PASSWORDS_REFUSED, Kind.WEB_LOGIN_NEEDED)
    if not error or error.kind not in signing_in or not provider:
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


def _step(account, checked: Checked, step: Step) -> dict:
    text, detail = _WORDS[step.name](account, checked.side.value, step)
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
    text = env._("Connection encrypted; the certificate ends soon")
    remedy = env._(
        "The server's administrator has to renew it by then: afterwards nothing can be "
        "read or sent."
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
            "No folder with sent mail was recognised. Choose it below; without it, "
            "mail that you send from other programs may not be shown."
        )
    else:
        detail = env._(
            "No inbox was recognised. Look below whether the folders are those of this "
            "mailbox."
        )
    return env._("Folders read: %s", facts["count"]), detail


def _sender(account, _side, step):
    env = account.env
    email = account.email or ""
    if step.state is State.OK:
        return env._("May send as %s", email), ""
    if step.state is not State.WARNING:
        return env._("Ask whether it may send as %s", email), ""
    text = env._("Whether it may send as %s, the server did not say", email)
    reason = explain(env, step.facts["error"], account.provider_id)
    reason = _without_side(env, reason)
    remedy = env._("The settings are right. A test mail will tell.")
    return text, f"{remedy} {reason}"


_WORDS = {
    Name.RESOLVE: _resolve,
    Name.CONNECT: _connect,
    Name.ENCRYPT: _encrypt,
    Name.SIGN_IN: _sign_in,
    Name.FOLDERS: _folders,
    Name.SENDER: _sender,
}
