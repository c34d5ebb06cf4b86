from odoo import api, fields, models

from ..engine.errors import STOPPING, EngineError
from .mailbox_notice import stored

SIDES = ("imap", "smtp")
#: Fields whose refusal by a server nobody but a person can mend.
SIGN_IN = {"username", "password"}


class MailboxAccount(models.Model):
    """Trouble of a mailbox, and that somebody is told of it: ``mailbox.notice``.

    Activities need ``mail.thread``: Odoo posts there what was done.
    """

    _name = "mailbox.account"
    _inherit = ["mailbox.account", "mail.thread", "mail.activity.mixin"]

    notice_ids = fields.One2many(
        "mailbox.notice", "account_id", groups=fields.NO_ACCESS
    )

    # ------------------------------------------------------------------
    # For whatever works on a mailbox
    # ------------------------------------------------------------------

    def _trouble(self, side, text, at_once=False, needs_person=None, error=None):
        """One side fails. Whoever looks after the mailbox is told when it has lasted.

        :param side: "imap" or "smtp"
        :param text: what is wrong, in words
        :param at_once: tell it now; so is a refused sign-in, by ``error``
        :param needs_person: whether somebody has to act; None: as it was
        :param error: the :class:`EngineError`, where there is one: it is told in the
            receiver's language then
        """
        self.ensure_one()
        if not self._is_watched():
            return
        is_refused = isinstance(error, EngineError) and error.kind in STOPPING
        # sudo: notices belong to nobody
        self.env["mailbox.notice"].sudo()._keep(
            self,
            side,
            text,
            urgent=at_once or is_refused,
            needs_person=needs_person or is_refused or needs_person,
            error=stored(error),
        )

    def _recovered(self, side):
        """One side works (again)."""
        # sudo: notices belong to nobody
        notices = self.env["mailbox.notice"].sudo()
        notices.search(
            [("account_id", "in", self.ids), ("side", "=", side)]
        )._recovered()

    def _is_watched(self):
        """Whether anybody is told when it fails: not before it is connected."""
        self.ensure_one()
        return self.active and self.state == "connected"

    # ------------------------------------------------------------------
    # CRUD: whoever writes the problem need not think of the notice
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        # A mailbox's story is its runs, not a chatter.
        quiet = self.with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
        accounts = super(MailboxAccount, quiet).create(vals_list)
        return accounts.with_env(self.env)

    def write(self, vals):
        result = super().write(vals)
        if self._connection_fields() & vals.keys():
            self._mended()
        if vals.get("active") is False:
            # sudo: whoever may archive the mailbox ends what it asks for
            self.sudo().notice_ids._forget()
            self.sudo().activity_ids.unlink()
            return result
        for side in SIDES:
            if {f"{side}_problem", "state", "active"} & vals.keys():
                self._follow_problem(side, vals)
        return result

    def _follow_problem(self, side, vals):
        for account in self:
            problem = account[f"{side}_problem"]
            if problem:
                field = vals.get(f"{side}_problem_field")
                account._trouble(side, problem, needs_person=field in SIGN_IN or None)
            elif f"{side}_problem" in vals:
                account._recovered(side)

    def _mended(self):
        """The settings were changed: what the server says to these is not known."""
        # sudo: notices belong to nobody
        self.sudo().notice_ids.write({"needs_person": False, "urgent": False})
