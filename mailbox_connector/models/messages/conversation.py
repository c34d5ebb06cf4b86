from odoo import fields, models


class MailboxConversation(models.Model):
    """Messages that reply to each other (RFC 5322 section 3.6.4)."""

    _name = "mailbox.conversation"
    _description = "E-mail conversation"
    _log_access = False

    message_ids = fields.One2many("mailbox.message", "conversation_id")
