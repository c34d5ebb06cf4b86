from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid

from odoo import fields, models
from odoo.exceptions import UserError

from ..engine.errors import EngineError, Kind
from ..engine.mime.addresses import normalize
from ..engine.smtp.session import open_smtp, send
from ..engine.transport import Deadline
from ..exceptions import explain

#: Seconds for the whole test: a person is waiting.
TEST_SECONDS = 45


class MailboxTestMail(models.TransientModel):
    """Send one harmless mail through a mailbox, and say whether it left."""

    _name = "mailbox.test.mail"
    _description = "Send a test e-mail"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", readonly=True
    )
    account_email = fields.Char(related="account_id.email", related_sudo=False)
    email_to = fields.Char(
        string="To",
        required=True,
        default=lambda self: self.env.user.email,
        help="Best an address of your own in another mailbox.",
    )
    subject = fields.Char(
        required=True, default=lambda self: self.env._("Test of the mailbox connector")
    )
    state = fields.Selection(
        [("new", "New"), ("sent", "Sent"), ("failed", "Failed")], default="new"
    )
    result = fields.Char(readonly=True)

    def action_send(self):
        self.ensure_one()
        self.account_id.check_access("read")
        recipient = normalize(self.email_to or "")
        if not recipient:
            raise UserError(self.env._("%s is not an e-mail address.", self.email_to))
        # sudo: a member may send a test, the password stays sealed
        account = self.account_id.sudo()
        try:
            self._send(account, recipient)
        except EngineError as error:
            self.write({"state": "failed", "result": explain(self.env, error)})
            if error.kind is not Kind.RECIPIENT_REFUSED:
                account.smtp_problem = self.result
        except UserError as error:
            self.write({"state": "failed", "result": str(error)})
        else:
            account.write({"smtp_problem": False, "smtp_ok_at": fields.Datetime.now()})
            self.write(
                {
                    "state": "sent",
                    "result": self.env._(
                        "Sent to %(to)s as %(sender)s by %(host)s.",
                        to=recipient,
                        sender=account.email,
                        host=account.smtp_host,
                    ),
                }
            )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send a test e-mail"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _send(self, account, recipient):
        sender = account.email_normalized
        mail = EmailMessage()
        mail["From"] = formataddr((account.name, sender))
        mail["To"] = recipient
        mail["Subject"] = self.subject
        mail["Date"] = format_datetime(fields.Datetime.now())
        mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(
            self.env._(
                "This is a test from Odoo. It was sent through the mailbox %s; nothing "
                "needs to be done.",
                sender,
            )
        )
        connection = open_smtp(
            account._endpoint("smtp"), account._egress_policy(), Deadline(TEST_SECONDS)
        )
        try:
            refused = send(connection, sender, [recipient], mail.as_bytes())
        finally:
            connection.close()
        for error in refused.values():
            raise error
