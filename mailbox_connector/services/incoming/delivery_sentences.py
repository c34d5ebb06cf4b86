"""Sentences about what happened to a sent e-mail."""

from __future__ import annotations

from ...engine.mime.delivery_report import RecipientStatus


def describe_status(env, status: RecipientStatus, address: str) -> str:
    """What happened to an e-mail, for the person who wrote it, with the reason that
    the mail server gave."""
    if status.action == "delayed":
        text = env._(
            "Not delivered to %s yet. The mail servers keep trying for a few days.",
            address,
        )
    else:
        text = env._(
            "Not delivered to %(address)s: %(reason)s",
            address=address,
            reason=_failure_reason(env, status),
        )
    if status.diagnostic:
        text += " " + env._("The mail server said: %s", status.diagnostic)
    return text


def _failure_reason(env, status: RecipientStatus) -> str:
    """The reason, derived from the subject and detail of the status code (RFC 3463)."""
    detail = status.status[2:]
    texts = {
        ("1.1", "1.0", "1.3", "1.6"): env._("there is no such address."),
        ("1.2", "1.10", "4.4", "4.3"): env._("the domain does not accept mail."),
        ("2.1",): env._("the mailbox is disabled."),
        ("2.2", "3.1"): env._("the mailbox is full."),
        ("2.3", "3.4"): env._("the e-mail is too large."),
        ("4.1", "4.2", "4.7"): env._(
            "the recipient's mail server did not respond for several days."
        ),
    }
    for details, text in texts.items():
        if detail in details:
            return text
    if detail.startswith("7."):
        return env._("the recipient's mail server refused the e-mail or its sender.")
    if not status.permanent:
        return env._("it could not be delivered for several days.")
    return env._("the recipient's mail server refused it.")
