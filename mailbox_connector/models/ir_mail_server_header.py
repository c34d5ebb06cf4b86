from dataclasses import replace

from odoo import models

from odoo.addons.base.models.ir_mail_server import extract_rfc2822_addresses

from ..services.outgoing import HEADER, Delivery, Transport

#: Further header values that may come from what somebody typed.
TYPED = ("email_cc", "email_bcc", "reply_to", "headers")


class IrMailServer(models.Model):
    """What people typed, made fit for the header and the envelope of a mailbox's mail:
    it leaves as it was meant, and never with a header field of its own."""

    # Apart from choosing and connecting: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "ir.mail_server"

    def _build_email__(self, email_from, email_to, subject, *args, **kwargs):
        if HEADER in (kwargs.get("headers") or {}):
            # A line break in a name or a subject would refuse the whole mail.
            email_from, email_to, subject = map(
                _one_line, (email_from, email_to, subject)
            )
            kwargs |= {
                name: _one_line(kwargs[name]) for name in TYPED if name in kwargs
            }
        return super()._build_email__(email_from, email_to, subject, *args, **kwargs)

    def _prepare_smtp_to_list(self, message, smtp_session):
        validated = self.env.context.get("send_validated_to")
        if not validated or not isinstance(smtp_session, Transport):
            return super()._prepare_smtp_to_list(message, smtp_session)
        # An international domain stands in the header as xn--…: known by either
        # spelling, or core takes its recipient for a stranger.
        spelled = extract_rfc2822_addresses(", ".join(validated))
        server = self.with_context(send_validated_to=[*validated, *spelled])
        return super(IrMailServer, server)._prepare_smtp_to_list(message, smtp_session)


def _one_line(value):
    """``value`` with the line breaks in its texts as spaces."""
    if isinstance(value, str):
        return " ".join(value.split()) if len(value.splitlines()) > 1 else value
    if isinstance(value, list | tuple):
        return type(value)(map(_one_line, value))
    if isinstance(value, dict):
        return {name: _one_line(one) for name, one in value.items()}
    if isinstance(value, Delivery):
        return replace(
            value,
            email_from=_one_line(value.email_from),
            sent_to=_one_line(value.sent_to),
        )
    return value
