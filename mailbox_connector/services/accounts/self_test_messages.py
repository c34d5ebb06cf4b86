"""What became of a test e-mail, in words: a verdict and the steps that lead to it."""

from __future__ import annotations

from collections.abc import Iterator

from ...error_messages import explain, with_side
from .self_test import WATCH_SECONDS, EmailTest

#: How far it came: the states of a verdict and of each step.
OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"


class EmailTestMessages:
    """Words about one test e-mail, in the user's language.

    :param account: ``mailbox.account``
    :param recipient: the address that it was sent to
    :param folders: ``mailbox.folder`` that were searched
    """

    def __init__(self, account, recipient: str, test: EmailTest, folders):
        self.account = account
        self.env = account.env
        self.recipient = recipient
        self.test = test
        self.folder = folders.filtered(lambda one: one.raw_name == test.folder)[:1]

    # Facts

    @property
    def is_sender_kept(self) -> bool:
        return self.account.email_normalized in self.test.senders

    @property
    def is_junk(self) -> bool:
        return self.folder.role == "junk"

    def explain(self, error) -> str:
        return explain(self.env, error, self.account.provider_id)

    # The verdict

    def verdict(self) -> tuple[str, str]:
        """State and one or two sentences."""
        test = self.test
        if test.smtp_error:
            return FAILED, with_side(self.env, "smtp", self.explain(test.smtp_error))
        if not test.watched:
            return OK, self.env._(
                "Sent to %(to)s as %(sender)s by %(host)s.",
                to=self.recipient,
                sender=self.account.email,
                host=self.account.smtp_host,
            )
        if test.imap_error:
            return FAILED, self.env._(
                "Sending works. Reading does not: %s", self.explain(test.imap_error)
            )
        if test.seen is None:
            return FAILED, self._not_seen()
        return self._arrived()

    @property
    def _names(self) -> dict[str, str]:
        account = self.account
        return {
            "smtp": account.smtp_username,
            "imap": account.imap_username,
            "email": account.email,
        }

    def _not_seen(self) -> str:
        if self.account.two_accounts:
            return self.env._(
                "The e-mail went out by the account %(smtp)s and did not arrive in the "
                "account %(imap)s within 30 seconds. Is %(imap)s the account that "
                "receives the e-mails of %(email)s?",
                **self._names,
            )
        return self.env._(
            "The e-mail was sent and did not arrive in the mailbox within 30 seconds. "
            "Some providers take longer: look in the mailbox, then test again. If it "
            "never arrives, the e-mails of %(email)s go to another mailbox than the "
            "one that is read as %(imap)s.",
            **self._names,
        )

    def _arrived(self) -> tuple[str, str]:
        if not self.is_sender_kept:
            return WARNING, self.env._(
                "The e-mail arrived, but the provider replaced the sender: customers "
                "see %(senders)s instead of %(email)s. Allow the account %(smtp)s to "
                "send as %(email)s at the provider, or use the SMTP account of "
                "%(email)s.",
                senders=", ".join(self.test.senders),
                **self._names,
            )
        if self.is_junk:
            return WARNING, self.env._(
                "The e-mail arrived in the spam folder. Ask the domain's administrator "
                "whether SPF and DKIM are set up for %s.",
                self.account.smtp_host,
            )
        if self.account.two_accounts:
            return WARNING, self.env._(
                "The test e-mail arrived. Note that it goes out by one account "
                "(%(smtp)s) and comes in on another (%(imap)s): sent e-mails do not "
                "count there, and may not be saved in the mailbox that is read.",
                **self._names,
            )
        return OK, self.env._(
            "It works: the e-mail was sent as %(email)s and received in the same "
            "mailbox.",
            **self._names,
        )

    # Step by step

    def steps(self) -> list[tuple[str, str]]:
        """What happened, in order, as (state, text); after a failure nothing more."""
        steps = []
        for state, text in self._all_steps():
            steps.append((state, text))
            if state == FAILED:
                break
        return steps

    def _all_steps(self) -> Iterator[tuple[str, str]]:
        yield from self._sending()
        if not self.test.watched:
            text = self.env._("Only the recipient can see whether it arrived.")
            yield SKIPPED, text
            return
        yield from self._reading()
        yield from self._received()

    def _sending(self):
        test, account = self.test, self.account
        values = {"host": account.smtp_host, "user": account.smtp_username}
        if test.signed_in is None:
            yield (
                FAILED,
                self.env._("Sending: sign in to %(host)s as %(user)s", **values),
            )
            return
        yield (
            OK,
            self.env._(
                "Sending: signed in to %(host)s as %(user)s, %(time)s",
                **values,
                time=self._duration(test.signed_in),
            ),
        )
        if test.handed_over is None:
            yield (
                FAILED,
                self.env._("Sending: hand the e-mail over to %(host)s", **values),
            )
            return
        yield (
            OK,
            self.env._(
                "Sending: handed the e-mail over, %s", self._duration(test.handed_over)
            ),
        )

    def _reading(self):
        test, account = self.test, self.account
        values = {"host": account.imap_host, "user": account.imap_username}
        if test.read is None:
            yield (
                FAILED,
                self.env._("Reading: sign in to %(host)s as %(user)s", **values),
            )
            return
        yield (
            OK,
            self.env._(
                "Reading: signed in to %(host)s as %(user)s, %(time)s",
                **values,
                time=self._duration(test.read),
            ),
        )
        if test.imap_error:
            yield FAILED, self.explain(test.imap_error)
        elif test.seen is None:
            yield (
                FAILED,
                self.env._(
                    "Reading: it did not arrive within %s seconds", round(WATCH_SECONDS)
                ),
            )

    def _received(self):
        test = self.test
        yield (
            WARNING if self.is_junk else OK,
            self.env._(
                "Reading: found in %(folder)s after %(time)s",
                folder=self.folder.name or test.folder,
                time=self._duration(test.seen or 0),
            ),
        )
        yield (
            OK if self.is_sender_kept else WARNING,
            self.env._(
                "From, as received: %s",
                ", ".join(test.senders) or self.env._("nobody"),
            ),
        )
        if not test.kept_id:
            yield (
                SKIPPED,
                self.env._(
                    "The provider gives e-mails a new Message-ID; Odoo finds replies "
                    "by their references instead."
                ),
            )

    def _duration(self, seconds: float) -> str:
        if seconds < 1:
            return self.env._("%s ms", max(round(seconds * 1000), 1))
        return self.env._("%s s", round(seconds, 1))
