import re

from odoo import models

#: What a client asks for to hear of e-mails on a contact, and the channel it gets.
CHANNEL_REGEX = re.compile(r"mailbox_connector\.contact_(\d+)")
SUBCHANNEL = "mailbox"
#: The same for the imports of a mailbox's history.
MAILBOX_REGEX = re.compile(r"mailbox_connector\.progress_(\d+)")
PROGRESS = "progress"


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Internal users hear of e-mails on the contacts that they may read, and of
        the imports of mailboxes that they may read."""
        asked, mailboxes, rest = [], [], []
        for channel in channels:
            name = channel if isinstance(channel, str) else ""
            if match := CHANNEL_REGEX.fullmatch(name):
                asked.append(int(match[1]))
            elif match := MAILBOX_REGEX.fullmatch(name):
                mailboxes.append(int(match[1]))
            else:
                rest.append(channel)
        if asked and self.env.user._is_internal():
            contacts = self.env["res.partner"].with_context(active_test=False)
            for contact in contacts.search([("id", "in", asked)]):
                rest.append((contact, SUBCHANNEL))
        accounts = self.env["mailbox.account"].with_context(active_test=False)
        if mailboxes and accounts.has_access("read"):
            for account in accounts.search([("id", "in", mailboxes)]):
                rest.append((account, PROGRESS))
        return super()._build_bus_channel_list(rest)
