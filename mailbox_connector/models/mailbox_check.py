from odoo import fields, models
from odoo.exceptions import UserError

from ..services import check
from ..services import folders as folder_service
from ..services.probe import probe
from ..services.races import RACES, quiet_races

SIDES = ("imap", "smtp")


class MailboxAccount(models.Model):
    """**Connect IMAP**: both sides tried, step by step, before anything is read."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

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
            return check.nothing(side)
        return check.unchecked(self, side)

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
                words[side] = check.nothing(side)
                continue
            try:
                endpoints[side] = self._endpoint(side)
            except UserError as error:
                words[side] = check.unchecked(
                    self, side, str(error), self._missing(side)
                )
        for one in words.values():
            report(one)
        if apart:
            self._end_transaction()
        found = probe(
            endpoints.get("imap"),
            endpoints.get("smtp"),
            self._egress_policy(),
            address=self.email_normalized or self.email,
            report=lambda checked: report(check.describe(self, checked)),
        )
        if apart:
            self._end_transaction()
        for side, checked in found.checks.items():
            words[side] = check.describe(self, checked, found.checks)
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
                with quiet_races():
                    if self._has_endpoints(endpoints):
                        self._keep_check(found, words)
                    self._end_transaction()
                return
            except RACES:
                if not left:
                    raise
                self.env.cr.rollback()

    def _has_endpoints(self, endpoints):
        """Whether these are the settings still: what was found with others says
        nothing about them."""
        try:
            return all(self._endpoint(side) == one for side, one in endpoints.items())
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
            folder_service.refresh(self.sudo(), self.sudo().folder_ids, found.folders)

    def _missing(self, side):
        """The first setting without which nobody can sign in."""
        for name in ("host", "username"):
            if not self[f"{side}_{name}"]:
                return name
        return "password"

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
