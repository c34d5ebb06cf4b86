from markupsafe import Markup

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import is_html_empty

from odoo.addons.mail.tools.discuss import Store

from ..engine.mime.addresses import spellings
from ..services import choosing, replying


class MailboxMessage(models.Model):
    """Reply, reply all and forward: composers on a contact of the e-mail.

    Opening one makes no contact: who is none yet is written to by address.
    """

    _inherit = "mailbox.message"

    email_reply_to = fields.Char(string="Reply-To", readonly=True)

    def action_reply(self):
        return self._open_answer("reply")

    def action_reply_all(self):
        return self._open_answer("reply_all")

    def action_forward(self):
        return self._open_answer("forward")

    def _open_answer(self, kind, shown=None):
        """The composer that answers this e-mail, as a window action.

        :param str kind: ``reply``, ``reply_all`` or ``forward``
        :param shown: the ``mail.message`` that shows it, where that is known
        :raise AccessError: the user may not read the e-mail
        :raise UserError: it is on no contact that the user may read
        """
        self.ensure_one()
        self.check_access("read")
        contact, parent = self._answer_place(shown)
        identity = self._answer_identity()
        signature = self._answer_signature(identity)
        values = {
            "composition_mode": "comment",
            "model": contact._name,
            "res_ids": repr(contact.ids),
            "parent_id": parent.id,
            "mailbox_answers_id": self.id,
            "email_add_signature": False,
        }
        mail = self.sudo()
        if kind == "forward":
            files = self._files_to_forward()
            values |= {
                "composition_comment_option": "forward",
                "subject": replying.forward_subject(mail.subject),
                "body": replying.forwarded(self.env, mail, signature),
                "partner_ids": [Command.clear()],
                "attachment_ids": [Command.set(files.ids)],
            }
        else:
            partners, others = self._answer_recipients(kind == "reply_all")
            values |= {
                "composition_comment_option": "reply_all",
                "subject": replying.reply_subject(mail.subject),
                "body": replying.quote(self.env, mail, signature),
                "partner_ids": [Command.set(partners.ids)],
                "mailbox_email_to": ", ".join(map(str, others)),
                "attachment_ids": [Command.clear()],
            }
        if identity:
            values["mailbox_identity_id"] = identity.id
        composer = self.env["mail.compose.message"].create(values)
        titles = {
            "reply": self.env._("Reply"),
            "reply_all": self.env._("Reply All"),
            "forward": self.env._("Forward"),
        }
        return {
            "type": "ir.actions.act_window",
            "name": titles[kind],
            "res_model": composer._name,
            "res_id": composer.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
        }

    def _answer_place(self, shown):
        """The contact on whose record the answer is written, and what it answers
        there (a ``mail.message``, empty if the contact shows none)."""
        # sudo: links have no access of their own
        links = self.sudo().link_ids.filtered(
            lambda link: link.partner_id.sudo(False) in self.partner_ids
        )
        if shown:
            links = links.filtered(lambda link: link.mail_message_id == shown) or links
        if not links:
            raise UserError(
                self.env._(
                    "This e-mail is on no contact that you may see. Make the person "
                    "a contact first."
                )
            )
        # Who wrote it, or was written to, before those who got a copy of it.
        order = [name for name, _label in links._fields["header"].selection]
        link = links.sorted(
            lambda link: (
                not link.mail_message_id,
                order.index(link.header) if link.header in order else 0,
                link.id,
            )
        )[0]
        return link.partner_id.sudo(False), link.mail_message_id.sudo(False)

    def _answer_recipients(self, everybody):
        """Whom the answer goes to: contacts, and addresses that are none's."""
        own = self.env["mailbox.account"].sudo()._own_addresses()
        # sudo: Odoo's own addresses, whoever may see them
        Domain = self.env["mail.alias.domain"].sudo()
        found = replying.recipients(self.sudo(), own, everybody)
        aliases = set(Domain._find_aliases([one.email for one in found]))
        me = self.env.user.email_normalized
        people = [one for one in found if one.email not in {*aliases, me}]
        known = self._answer_partners([one.email for one in people])
        partners = self.env["res.partner"].union(*known.values())
        return partners, [one for one in people if one.email not in known]

    def _answer_partners(self, emails):
        """The contacts that addresses lead to, by address: one that shows this e-mail
        before others, and a colleague's own one."""
        forms = {form: email for email in emails for form in spellings(email)}
        found = self.env["res.partner"].search(
            [("email_normalized", "in", list(forms))]
        )
        best = found.sorted(
            lambda one: (
                one not in self.partner_ids,
                not any(user._is_internal() for user in one.sudo().user_ids),
                one.id,
            )
        )
        known = {}
        for one in best:
            known.setdefault(forms[one.email_normalized], one)
        return known

    def _answer_identity(self):
        """The address that the e-mail came in on, if the user may send as it."""
        mine = choosing.senders(self.env, self.env.user, self.env.company)
        return choosing.conversation(None, mine, self)

    def _answer_signature(self, identity):
        """What stands between the answer and what it quotes, or an empty text."""
        signature = identity and identity._signature_html()
        if not signature and not is_html_empty(self.env.user.signature):
            signature = Markup("<div>-- <br>%s</div>") % self.env.user.signature
        return signature + Markup("<br>") if signature else Markup()

    def _files_to_forward(self):
        """Copies of the attachments, which the composer may do with as it likes."""
        # sudo: who may read the e-mail may read its files. As they came: no
        # recompression, and no html that runs in our origin.
        files = self.sudo().attachment_ids.with_context(
            image_no_postprocess=True, attachments_mime_plainxml=True
        )
        return files.copy({"res_model": "mail.compose.message", "res_id": 0})


class MailMessage(models.Model):
    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.message"

    def action_mailbox_answer(self, kind):
        """Reply to the e-mail that this message shows; see ``_open_answer``."""
        self.ensure_one()
        self.check_access("read")
        # sudo: links have no access of their own; the e-mail's is asked for
        link = self.env["mailbox.link"].sudo()
        mail = link.search([("mail_message_id", "=", self.id)], limit=1).message_id
        if not mail:
            raise UserError(self.env._("This message is no e-mail of a mailbox."))
        return mail.sudo(False)._open_answer(kind, shown=self)

    def _mailbox_restrict_answer(self, mail_id):
        """What quotes an e-mail that is for a mailbox's members alone, and its files,
        are for them as well, whatever it is sent as."""
        mail = self.env["mailbox.message"].browse(mail_id).exists()
        accounts = mail.scope_id.account_ids
        if self.mailbox_scope_id or set(accounts.mapped("visibility")) != {"members"}:
            return
        self.mailbox_scope_id = mail.scope_id
        files = self.attachment_ids.filtered(
            lambda file: (file.res_model, file.res_id) == (self.model, self.res_id)
        )
        files.write({"res_model": self._name, "res_id": self.id})

    def _to_store_defaults(self, target):
        """Which messages are answered as e-mails."""
        defaults = super()._to_store_defaults(target)
        readable = self.env["mailbox.scope"].sudo()._readable_ids(self.env.user)
        if readable and target.is_current_user(self.env):
            # sudo: links have no access of their own
            links = self.env["mailbox.link"].sudo()
            links = links.search_fetch(
                [
                    ("mail_message_id", "in", self.ids),
                    ("message_id.scope_id", "in", readable),
                ],
                ["mail_message_id"],
            )
            shown = set(links.mail_message_id.ids)
            defaults.append(
                Store.Attr(
                    "mailbox_answerable",
                    True,
                    predicate=lambda message: message.id in shown,
                )
            )
        return defaults
