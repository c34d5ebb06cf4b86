"""The dialog **Send a test e-mail**."""

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine.mime.addresses import normalize
from ..engine.mime.parse import parse_message
from ..error_messages import explain
from ..services.accounts import self_test
from ..services.accounts.endpoints import egress_policy, endpoint
from ..services.accounts.self_test_messages import EmailTestMessages
from ..services.incoming.message_values import message_key
from ..services.sending.outgoing import OF_THE_MAIL

#: How a step is shown: icon and colour.
LOOKS = {
    "ok": ("fa-check-circle", "text-success"),
    "warning": ("fa-exclamation-triangle", "text-warning"),
    "failed": ("fa-times-circle", "text-danger"),
    "skipped": ("fa-minus-circle", "text-muted"),
}


class MailboxTestEmail(models.TransientModel):
    """Sends a harmless e-mail from a mailbox by SMTP and looks for it by IMAP."""

    _name = "mailbox.test.email"
    _description = "Send a test e-mail"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", readonly=True
    )
    account_email = fields.Char(related="account_id.email", related_sudo=False)
    email_to = fields.Char(
        string="To",
        required=True,
        compute="_compute_email_to",
        store=True,
        readonly=False,
        precompute=True,
        help="Send to the mailbox itself to also check that the e-mail arrives.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Or to a contact",
        domain=[("email", "!=", False)],
        help="Someone who expects it and can confirm that it arrived.",
    )
    subject = fields.Char(
        required=True,
        readonly=True,
        default=lambda self: self.env._("Test of the mailbox connector"),
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("ok", "Works"),
            ("warning", "Works, with a remark"),
            ("failed", "Failed"),
        ],
        default="new",
    )
    result = fields.Char(readonly=True)
    steps = fields.Html(readonly=True)

    @api.depends("account_id", "partner_id")
    def _compute_email_to(self):
        for wizard in self:
            wizard.email_to = wizard.partner_id.email or wizard.account_id.email

    def action_send(self):
        """Send the test e-mail; if it goes to the mailbox itself, wait until it
        arrives."""
        self.ensure_one()
        self.account_id.check_access("read")
        recipient = normalize(self.email_to or "")
        if not recipient:
            raise UserError(self.env._("%s is not an e-mail address.", self.email_to))
        is_loop = recipient in self.account_id.sudo().addresses()
        if not is_loop:
            self._check_may_send()
        # sudo: a member may send a test, the password stays encrypted
        self._send(self.account_id.sudo(), recipient, is_loop)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send a test e-mail"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _check_may_send(self):
        if not (self.env.su or self.account_id._may_send(self.env.user)):
            raise AccessError(
                self.env._(
                    "Only the owner and the members of the mailbox %s can send from it "
                    "to others. Send the test to the mailbox itself.",
                    self.account_id.email,
                )
            )

    def _send(self, account, recipient, is_loop):
        """
        :param account: the mailbox, with the right to use its passwords
        :param is_loop: ``recipient`` is an address of the mailbox: wait for the e-mail
        """
        try:
            smtp = endpoint(account, "smtp")
            imap = endpoint(account, "imap") if is_loop else None
        except UserError as error:
            self.write({"state": "failed", "result": str(error), "steps": False})
            return
        mail = self_test.compose(account, recipient, self.subject)
        mime = mail.as_bytes()
        self._keep_off_contacts(mime)
        policy = egress_policy(account.env)
        sender = account.email_normalized
        test = self_test.hand_over(smtp, policy, sender, recipient, mime)
        self._record(account, test.smtp_error)
        folders = self_test.folders_to_watch(account)
        if imap and not test.smtp_error:
            self_test.watch(
                test,
                imap,
                policy,
                folders.mapped("raw_name") or ["INBOX"],
                mail["Message-ID"],
                mail[self_test.HEADER],
            )
        messages = EmailTestMessages(account, recipient, test, folders)
        state, verdict = messages.verdict()
        steps = self._render(messages.steps())
        self.write({"state": state, "result": verdict, "steps": steps})

    @api.model
    def _keep_off_contacts(self, mime):
        """No sync imports it, in whatever folder a provider saves it."""
        # sudo: nobody has access to tombstones
        tombstones = self.env["mailbox.tombstone"].sudo()
        tombstones.add_digests([tombstones.digest_of(message_key(parse_message(mime)))])

    @api.model
    def _record(self, account, error):
        """Record on the mailbox whether sending works, unless only this e-mail was
        refused."""
        if not error:
            account.write({"smtp_problem": False, "smtp_ok_at": fields.Datetime.now()})
        elif error.kind not in OF_THE_MAIL:
            account.smtp_problem = explain(self.env, error, account.provider_id)

    @api.model
    def _render(self, steps):
        """
        :param steps: list of (state, text)
        """
        rows = Markup().join(
            Markup(
                '<li class="d-flex align-items-baseline gap-2 py-1">'
                '<i class="fa fa-fw %s %s"></i><span>%s</span></li>'
            )
            % (*LOOKS[state], text)
            for state, text in steps
        )
        return rows and Markup('<ul class="list-unstyled mb-0">%s</ul>') % rows
