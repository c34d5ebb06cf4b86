import re

from odoo import models

#: The channel for news about a contact's e-mails, and its bus subchannel.
CHANNEL_REGEX = re.compile(r"mailbox_connector\.contact_(\d+)")
SUBCHANNEL = "mailbox"
#: The same for the progress of a mailbox's imports.
PROGRESS_REGEX = re.compile(r"mailbox_connector\.progress_(\d+)")
PROGRESS = "progress"


class IrWebsocket(models.AbstractModel):
    """Bus channels of contacts with e-mails and of mailboxes that are importing."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Subscribe internal users to contacts and mailboxes that they may read."""
        partner_ids, account_ids, rest = [], [], []
        for channel in channels:
            name = channel if isinstance(channel, str) else ""
            if match := CHANNEL_REGEX.fullmatch(name):
                partner_ids.append(int(match[1]))
            elif match := PROGRESS_REGEX.fullmatch(name):
                account_ids.append(int(match[1]))
            else:
                rest.append(channel)
        if partner_ids and self.env.user._is_internal():
            contacts = self.env["res.partner"].with_context(active_test=False)
            for contact in contacts.search([("id", "in", partner_ids)]):
                rest.append((contact, SUBCHANNEL))
        accounts = self.env["mailbox.account"].with_context(active_test=False)
        if account_ids and accounts.has_access("read"):
            for account in accounts.search([("id", "in", account_ids)]):
                rest.append((account, PROGRESS))
        return super()._build_bus_channel_list(rest)
