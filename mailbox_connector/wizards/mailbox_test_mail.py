import secrets
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine.mime.addresses import normalize
from ..engine.mime.parse import parse_message
from ..error_messages import explain
from ..services.accounts.endpoints import egress_policy, endpoint
from ..services.accounts.round_trip import HEADER, hand_over, watch
from ..services.incoming.message_values import message_key
from ..services.sending.outgoing import OF_THE_MAIL

#: How a step of the check is shown: icon, colour, and what a screen reader says.
LOOKS = {
    "ok": ("fa-check-circle", "text-success"),
    "warning": ("fa-exclamation-triangle", "text-warning"),
    "failed": ("fa-times-circle", "text-danger"),
    "skipped": ("fa-minus-circle", "text-muted"),
}


class MailboxTestMail(models.TransientModel):
    """Check the round trip: one harmless mail leaves by SMTP and is seen by IMAP."""

    _name = "mailbox.test.mail"
    _description = "Check the round trip of a mailbox"
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
        help="The mailbox itself: then it is also looked whether the e-mail arrives.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Or to a contact",
        domain=[("email", "!=", False)],
        help="Somebody who expects it: whether it arrives is theirs to see.",
    )
    subject = fields.Char(
        required=True,
        readonly=True,
        default=lambda self: self.env._("Test of the mailbox connector"),
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("sent", "Works"),
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
        self.ensure_one()
        self.account_id.check_access("read")
        recipient = normalize(self.email_to or "")
        if not recipient:
            raise UserError(self.env._("%s is not an e-mail address.", self.email_to))
        is_loop = recipient in self.account_id.sudo().addresses()
        if not is_loop and not (
            self.env.su or self.account_id._may_send(self.env.user)
        ):
            raise AccessError(
                self.env._(
                    "Only owner and members of the mailbox %s send as it to others. "
                    "Send the test to the mailbox itself.",
                    self.account_id.email,
                )
            )
        # sudo: a member may send a test, the password stays sealed
        self._check(self.account_id.sudo(), recipient, is_loop)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Check the round trip"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _check(self, account, recipient, is_loop):
        token = secrets.token_hex(12)
        mail = self._compose(account, recipient, token)
        mime = mail.as_bytes()
        policy = egress_policy(account.env)
        folders = account.folder_ids.filtered(
            lambda folder: folder.role in ("inbox", "junk", "all") and not folder.gone
        ).sorted(lambda folder: ("inbox", "all", "junk").index(folder.role))
        try:
            smtp = endpoint(account, "smtp")
            imap = endpoint(account, "imap") if is_loop else None
        except UserError as error:
            self._show("failed", str(error), [])
            return
        # No sync puts it on a contact, wherever a provider files it.
        Tombstone = self.env["mailbox.tombstone"].sudo()
        key = message_key(parse_message(mime))
        Tombstone.add_digests([Tombstone.digest_of(key)])
        trip = hand_over(smtp, policy, account.email_normalized, recipient, mime)
        if trip.smtp_error:
            reason = explain(self.env, trip.smtp_error, account.provider_id)
            if trip.smtp_error.kind not in OF_THE_MAIL:
                account.smtp_problem = reason
            self._show("failed", reason, self._lines(account, trip, folders))
            return
        account.write({"smtp_problem": False, "smtp_ok_at": fields.Datetime.now()})
        if imap:
            names = folders.mapped("raw_name") or ["INBOX"]
            watch(trip, imap, policy, names, mail["Message-ID"], token)
        kind, verdict = self._verdict(account, recipient, trip, folders)
        self._show(kind, verdict, self._lines(account, trip, folders))

    def _compose(self, account, recipient, token):
        sender = account.email_normalized
        mail = EmailMessage()
        mail["From"] = formataddr((account.name, sender))
        mail["To"] = recipient
        mail["Subject"] = self.subject
        mail["Date"] = format_datetime(fields.Datetime.now())
        mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail[HEADER] = token
        mail.set_content(
            self.env._(
                "This is a test from Odoo. It was sent through the mailbox %s; nothing "
                "needs to be done.",
                sender,
            )
        )
        return mail

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _show(self, kind, verdict, lines):
        rows = Markup().join(
            Markup(
                '<li class="d-flex align-items-baseline gap-2 py-1">'
                '<i class="fa fa-fw %s %s"></i><span>%s</span></li>'
            )
            % (*LOOKS[look], text)
            for look, text in lines
        )
        self.write(
            {
                "state": kind,
                "result": verdict,
                "steps": rows
                and Markup('<ul class="list-unstyled mb-0">%s</ul>') % rows,
            }
        )

    def _lines(self, account, trip, folders):
        """What happened, step by step: (look, words)."""
        values = {"host": account.smtp_host, "user": account.smtp_username}
        if trip.signed_in is None:
            return [
                (
                    "failed",
                    self.env._("Sending: sign in to %(host)s as %(user)s", **values),
                )
            ]
        took = {**values, "time": self._time(trip.signed_in)}
        lines = [
            (
                "ok",
                self.env._(
                    "Sending: signed in to %(host)s as %(user)s, %(time)s", **took
                ),
            )
        ]
        if trip.handed_over is None:
            return [
                *lines,
                (
                    "failed",
                    self.env._("Sending: hand the e-mail over to %(host)s", **values),
                ),
            ]
        took["time"] = self._time(trip.handed_over)
        lines.append(
            ("ok", self.env._("Sending: handed the e-mail over, %(time)s", **took))
        )
        if not trip.watched:
            return [
                *lines,
                (
                    "skipped",
                    self.env._("Whether it arrived is for its recipient to see."),
                ),
            ]
        values = {"host": account.imap_host, "user": account.imap_username}
        if trip.read is None:
            return [
                *lines,
                (
                    "failed",
                    self.env._("Reading: sign in to %(host)s as %(user)s", **values),
                ),
            ]
        values["time"] = self._time(trip.read)
        lines.append(
            (
                "ok",
                self.env._(
                    "Reading: signed in to %(host)s as %(user)s, %(time)s", **values
                ),
            )
        )
        if trip.imap_error:
            reason = explain(self.env, trip.imap_error, account.provider_id)
            return [*lines, ("failed", reason)]
        if trip.seen is None:
            return [
                *lines,
                ("failed", self.env._("Reading: not seen within 30 seconds")),
            ]
        junk = self._is_junk(trip, folders)
        name = folders.filtered(lambda f: f.raw_name == trip.folder).name
        name = name or trip.folder
        lines.append(
            (
                "warning" if junk else "ok",
                self.env._(
                    "Reading: seen in %(folder)s after %(time)s",
                    folder=name,
                    time=self._time(trip.seen),
                ),
            )
        )
        kept = account.email_normalized in trip.senders
        lines.append(
            (
                "ok" if kept else "warning",
                self.env._(
                    "From, as received: %s",
                    ", ".join(trip.senders) or self.env._("nobody"),
                ),
            )
        )
        if not trip.kept_id:
            lines.append(
                (
                    "skipped",
                    self.env._(
                        "The provider gives e-mails a new Message-ID; answers are "
                        "found by their references all the same."
                    ),
                )
            )
        return lines

    def _verdict(self, account, recipient, trip, folders):
        """(state, one or two plain sentences)."""
        both = {
            "smtp": account.smtp_username,
            "imap": account.imap_username,
            "email": account.email,
        }
        apart = account.two_accounts
        if not trip.watched:
            return "sent", self.env._(
                "Sent to %(to)s as %(sender)s by %(host)s.",
                to=recipient,
                sender=account.email,
                host=account.smtp_host,
            )
        if trip.imap_error:
            return "failed", self.env._(
                "Sending works. Reading does not: %s",
                explain(self.env, trip.imap_error, account.provider_id),
            )
        if trip.seen is None:
            if apart:
                return "failed", self.env._(
                    "The e-mail went out by the account %(smtp)s and was not seen in "
                    "the account %(imap)s within 30 seconds. Is %(imap)s the mailbox "
                    "that receives the mail of %(email)s?",
                    **both,
                )
            return "failed", self.env._(
                "The e-mail left and was not seen in the mailbox within 30 seconds. "
                "Some providers take longer: look into the mailbox, then check again. "
                "If it never arrives, the mail of %(email)s goes to another mailbox "
                "than the one that is read as %(imap)s.",
                **both,
            )
        if account.email_normalized not in trip.senders:
            return "warning", self.env._(
                "The e-mail arrived, but the provider replaced the sender: customers "
                "see %(senders)s instead of %(email)s. Allow the account %(smtp)s to "
                "send as %(email)s at the provider, or use the SMTP account of "
                "%(email)s.",
                senders=", ".join(trip.senders),
                **both,
            )
        if self._is_junk(trip, folders):
            return "warning", self.env._(
                "The e-mail arrived in the spam folder. Ask the domain's administrator "
                "whether SPF and DKIM are set up for %s.",
                account.smtp_host,
            )
        if apart:
            return "warning", self.env._(
                "The round trip works. Mind that it goes out by one account "
                "(%(smtp)s) and comes in on another (%(imap)s): what is sent does not "
                "count at, and may not be filed in, the mailbox that is read.",
                **both,
            )
        return "sent", self.env._(
            "The round trip works: sent as %(email)s and received in the same mailbox.",
            **both,
        )

    @api.model
    def _is_junk(self, trip, folders):
        found = folders.filtered(lambda folder: folder.raw_name == trip.folder)
        return found.role == "junk"

    @api.model
    def _time(self, seconds):
        if seconds < 1:
            return self.env._("%s ms", max(round(seconds * 1000), 1))
        return self.env._("%s s", round(seconds, 1))
