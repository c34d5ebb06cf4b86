import re

from odoo import models

#: What a client asks for to hear of e-mails on a contact, and the channel it gets.
CHANNEL_REGEX = re.compile(r"mailbox_connector\.contact_(\d+)")
SUBCHANNEL = "mailbox"


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Internal users hear of e-mails on the contacts that they may read."""
        asked, rest = [], []
        for channel in channels:
            match = isinstance(channel, str) and CHANNEL_REGEX.fullmatch(channel)
            if match:
                asked.append(int(match[1]))
            else:
                rest.append(channel)
        if asked and self.env.user._is_internal():
            contacts = self.env["res.partner"].with_context(active_test=False)
            for contact in contacts.search([("id", "in", asked)]):
                rest.append((contact, SUBCHANNEL))
        return super()._build_bus_channel_list(rest)
