from odoo import fields, models
from odoo.exceptions import UserError, ValidationError

from ...engine.errors import SIDES
from ...services.accounts import check_messages
from ...services.accounts.connection_test import probe
from ...services.accounts.endpoints import egress_policy, endpoint, missing_field
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sync import folder_list

#: In the context. Only Python code can pass this very object, no RPC request can.
_FOUND = object()


class MailboxAccountConnection(models.AbstractModel):
    """**Connect IMAP**: both servers tried, step by step, before anything is read; and
    the password that is asked for again when these servers change.
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
        """Open the dialog that tells what works and what was found.

        Nothing is imported: that is the dialog's **Import**. With
        ``mailbox_check_live`` in the context the dialog opens at once and checks before
        the person's eyes; without, it opens when all is known.
        """
        self.ensure_one()
        self.check_access("write")
        dialog = self.env["mailbox.connect"].create(
            {
                "account_id": self.id,
                "backfill_days": self.backfill_days,
                "visibility": self.visibility,
                "checks": {side: self._unchecked(side) for side in SIDES},
            }
        )
        if not self.env.context.get("mailbox_check_live"):
            dialog._check()
        return dialog._reopen()

    def _unchecked(self, side):
        if side == "smtp" and not self.smtp_host:
            return check_messages.nothing(side)
        return check_messages.unchecked(self, side)

    def _check(self, report=lambda _words: None):
        """Sign in to both sides; keep the folders, and what did not work.

        :param report: called after every step with one side, as far as it has come
        :return: ``{"imap": …, "smtp": …}``, see ``services.check.describe``
        """
        return self._try_sides(report)[1]

    def _try_sides(self, report=lambda _words: None, apart=False):
        """The same, and the :class:`services.probe.Probe` it was made of.

        :param apart: in transactions of its own: asking takes a while, and what others
            do meanwhile has to be seen
        """
        self.ensure_one()
        self.check_access("write")
        endpoints, words = {}, {}
        for side in SIDES:
            if side == "smtp" and not self.smtp_host:
                words[side] = check_messages.nothing(side)
                continue
            try:
                endpoints[side] = endpoint(self, side)
            except UserError as error:
                words[side] = check_messages.unchecked(
                    self, side, str(error), missing_field(self, side)
                )
        for one in words.values():
            report(one)
        if apart:
            self._end_transaction()
        found = probe(
            endpoints.get("imap"),
            endpoints.get("smtp"),
            egress_policy(self.env),
            address=self.email_normalized or self.email,
            report=lambda checked: report(check_messages.describe(self, checked)),
        )
        if apart:
            self._end_transaction()
        for side, checked in found.checks.items():
            words[side] = check_messages.describe(self, checked, found.checks)
        if apart:
            self._keep_apart(endpoints, found, words)
        elif self._has_endpoints(endpoints):
            self._keep_check(found, words)
        return found, words

    def _keep_apart(self, endpoints, found, words):
        """Keep it at once. Another check of the same mailbox, or a pass that reads it,
        may be faster: then it is done anew."""
        for left in (2, 1, 0):
            try:
                with mute_conflicts():
                    if self._has_endpoints(endpoints):
                        self._keep_check(found, words)
                    self._end_transaction()
                return
            except CONFLICT_ERRORS:
                if not left:
                    raise
                self.env.cr.rollback()

    def _has_endpoints(self, endpoints):
        """Whether these are the settings still: what was found with others says
        nothing about them."""
        try:
            return all(endpoint(self, side) == one for side, one in endpoints.items())
        except UserError:
            return False

    def _end_transaction(self):
        self.env.cr.commit()  # pylint: disable=invalid-commit
        self.env.invalidate_all()

    def _keep_check(self, found, words):
        values = {}
        for side in SIDES:
            values[f"{side}_problem"] = words[side]["problem"]
            values[f"{side}_problem_field"] = words[side]["field"]
            if words[side]["ok"]:
                values[f"{side}_ok_at"] = fields.Datetime.now()
        if words["imap"]["ok"]:
            values.update(failures=0, retry_at=False, needs_person=False)
        self.write(values)
        if words["imap"]["ok"]:
            # sudo: the form's user has no right to make folders, Connect has
            folder_list.refresh(self.sudo(), self.sudo().folder_ids, found.folders)

    def _dialog_values(self, found):
        """What the dialog shows of what was found."""
        folders = self.folder_ids.filtered(lambda folder: not folder.gone).sorted()
        status = {f.raw_name: f.status for f in found.folders if f.status}
        values = {
            "inbox_id": folders.filtered(lambda f: f.role == "inbox")[:1].id,
            "sent_id": folders.filtered(lambda f: f.role == "sent")[:1].id,
            "folder_line_ids": [
                fields.Command.clear(),
                *(
                    fields.Command.create(
                        {
                            "folder_id": folder.id,
                            "sync": folder.sync,
                            "messages": getattr(
                                status.get(folder.raw_name), "messages", 0
                            ),
                        }
                    )
                    for folder in folders
                ),
            ],
        }
        for side in SIDES:
            port, security = found.ways.get(side, (False, False))
            values[f"{side}_way_port"] = port
            values[f"{side}_way_security"] = security
        return values

    # ------------------------------------------------------------------
    # Changed servers
    # ------------------------------------------------------------------

    def _use_alternative(self, side, port, security):
        """Take a port and encryption that the server was found to answer on.

        It is the host that was typed, under verified TLS: the password need not be
        typed again.
        """
        self.ensure_one()
        self.check_access("write")
        found = self.with_context(mailbox_alternative_found=_FOUND)
        found.write({f"{side}_port": port, f"{side}_security": security})

    def _require_password(self, vals):
        """A stored password is not sent to a server that was changed after it was
        typed: whoever changes where it goes has to know it.

        In the guided set-up it is forgotten instead, and the step asks for it: that is
        no less safe, and nobody is stopped halfway.

        :raise ValidationError: naming the password to type again
        """
        self.ensure_one()
        found = {f"{side}_{name}" for side in SIDES for name in ("port", "security")}
        is_found = self.env.context.get("mailbox_alternative_found") is _FOUND
        if is_found and vals.keys() <= found:
            return
        redirected = [side for side in SIDES if self._is_redirected(side, vals)]
        if not redirected:
            return
        if self.env.context.get("mailbox_guided") and self.state == "draft":
            for side in SIDES:
                self.env["mailbox.credential"]._store(self, side, "")
            return
        raise ValidationError(
            self.env._(
                "The %(side)s server or username was changed. Type the %(side)s "
                "password again, so that it is not sent elsewhere unnoticed.",
                side=redirected[0].upper(),
            )
        )

    def _is_redirected(self, side, vals):
        """Whether ``vals`` would have a stored password sent somewhere else."""
        if vals.get(f"{side}_password") or not self._is_server_changed(side, vals):
            return False
        if side == "smtp" and not self.smtp_password_set:
            # SMTP signs in with IMAP's password, which is at hand or not wanted.
            is_wanted = vals.get("smtp_host", self.smtp_host)
            return bool(
                self.imap_password_set and is_wanted and not vals.get("imap_password")
            )
        return self.imap_password_set or self[f"{side}_password_set"]

    def _is_server_changed(self, side, vals):
        return any(
            f"{side}_{name}" in vals
            and vals[f"{side}_{name}"] != self[f"{side}_{name}"]
            # Stronger encryption to the same place tells nobody anything.
            and not (name == "security" and vals[f"{side}_{name}"] == "tls")
            for name in ("host", "port", "security", "username")
        )
