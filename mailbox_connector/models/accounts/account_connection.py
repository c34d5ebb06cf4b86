"""Connecting a mailbox: the connection test, and the password that is required again
when servers change."""

from odoo import fields, models
from odoo.exceptions import ValidationError

from ...engine.errors import SIDES
from ...services.accounts.connection_test import MailboxConnectionTest
from ...services.accounts.connection_test_messages import no_server, not_tested
from ...services.framework.concurrency import retry_on_conflict
from ...services.sync import folder_list

#: A context value that means "the connection test found these settings". It is compared
#: by identity: Python code can pass this object on; an RPC request cannot, since its
#: values are created from JSON.
_FOUND_BY_TEST = object()


class MailboxAccountConnection(models.AbstractModel):
    """**Connect IMAP**: both servers are tested step by step before anything is read.

    The password has to be entered again if these servers change.
    """

    _name = "mailbox.account.connection"
    _description = "Mailbox: connection"

    imap_problem_field = fields.Char(
        readonly=True, copy=False, help="The field that the problem points to."
    )
    smtp_problem_field = fields.Char(
        readonly=True, copy=False, help="The field that the problem points to."
    )

    def action_connect(self):
        """Open the dialog that shows what works and what was found.

        Nothing is imported before the user presses **Import** in the dialog. With
        ``mailbox_live_test`` in the context, the dialog opens at once and shows the
        running test; otherwise it opens when the test is done.
        """
        self.ensure_one()
        self.check_access("write")
        dialog = self.env["mailbox.connect"].create(
            {
                "account_id": self.id,
                "backfill_days": self.backfill_days,
                "visibility": self.visibility,
                "test_results": {side: self._not_tested(side) for side in SIDES},
            }
        )
        if not self.env.context.get("mailbox_live_test"):
            dialog._run_test()
        return dialog._reopen()

    def _not_tested(self, side):
        if side == "smtp" and not self.smtp_host:
            return no_server(side)
        return not_tested(self, side)

    # ------------------------------------------------------------------
    # The connection test
    # ------------------------------------------------------------------

    def _test_connection(self, report=lambda _result: None, commits=False):
        """Sign in to both servers; store the folders and any problems.

        :param report: called with the result of one server after each of its steps
        :param commits: whether to commit before and after the servers are tested: that
            takes a while, and changes by others have to be seen
        :return: ``results`` and ``tests`` of the :class:`MailboxConnectionTest`; not
            the object, which contains the passwords
        """
        self.ensure_one()
        self.check_access("write")
        test = MailboxConnectionTest(self, report=report)
        if not commits:
            test.run()
            self._save_test(test)
            return test.results, test.tests
        self._commit()
        test.run()
        self._commit()

        def save():
            self._save_test(test)
            self._commit()

        retry_on_conflict(save, self.env.cr.rollback)
        return test.results, test.tests

    def _commit(self):
        # The servers may take long to respond: no transaction stays open meanwhile.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        self.env.invalidate_all()

    def _save_test(self, test):
        if not test.is_current():
            return
        values = {}
        for side, result in test.results.items():
            values[f"{side}_problem"] = result["problem"]
            values[f"{side}_problem_field"] = result["field"]
            if result["ok"]:
                values[f"{side}_ok_at"] = fields.Datetime.now()
        can_read = test.results["imap"]["ok"]
        if can_read:
            values.update(failures=0, retry_at=False, needs_person=False)
        self.write(values)
        if can_read:
            # sudo: the user may connect a mailbox but not create folders
            found = test.tests["imap"].folders
            folder_list.refresh(self.sudo(), self.sudo().folder_ids, found)

    # ------------------------------------------------------------------
    # Changed servers
    # ------------------------------------------------------------------

    def _use_alternative(self, side, port, security):
        """Apply a port and encryption on which the connection test found the server.

        The password need not be entered again: it is the host that the user entered,
        under verified TLS.
        """
        self.ensure_one()
        self.check_access("write")
        found = self.with_context(mailbox_alternative=_FOUND_BY_TEST)
        found.write({f"{side}_port": port, f"{side}_security": security})

    def _require_password(self, vals):
        """Require the password if ``vals`` change where it is sent: only somebody who
        knows it may do that.

        The guided setup deletes the password instead, and its next step asks for it.
        That is just as safe and does not stop the user halfway.

        :raise ValidationError: with the password to enter again
        """
        self.ensure_one()
        if self._is_found_by_test(vals):
            return
        redirected = [side for side in SIDES if self._is_redirected(side, vals)]
        if not redirected:
            return
        if self.env.context.get("mailbox_guided") and self.state == "draft":
            for side in SIDES:
                self.env["mailbox.credential"].store(self, side, "")
            return
        raise ValidationError(
            self.env._(
                "The %(side)s server or username was changed. Enter the %(side)s "
                "password again, so that it is not sent elsewhere unnoticed.",
                side=redirected[0].upper(),
            )
        )

    def _is_found_by_test(self, vals):
        safe = {f"{side}_{name}" for side in SIDES for name in ("port", "security")}
        is_found = self.env.context.get("mailbox_alternative") is _FOUND_BY_TEST
        return is_found and vals.keys() <= safe

    def _is_redirected(self, side, vals):
        """Whether ``vals`` would have a stored password sent somewhere else."""
        if vals.get(f"{side}_password") or not self._is_server_changed(side, vals):
            return False
        if side == "smtp" and not self.smtp_password_set:
            # SMTP signs in with IMAP's password, if there is an SMTP server.
            is_used = vals.get("smtp_host", self.smtp_host)
            return bool(
                self.imap_password_set and is_used and not vals.get("imap_password")
            )
        return self.imap_password_set or self[f"{side}_password_set"]

    def _is_server_changed(self, side, vals):
        return any(
            f"{side}_{name}" in vals
            and vals[f"{side}_{name}"] != self[f"{side}_{name}"]
            # Stronger encryption to the same server reveals nothing to anybody.
            and not (name == "security" and vals[f"{side}_{name}"] == "tls")
            for name in ("host", "port", "security", "username")
        )
