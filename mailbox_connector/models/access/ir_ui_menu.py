from odoo import models


class IrUiMenu(models.Model):
    """Users who only have the Settings app for their mailboxes see nothing else in
    it."""

    _inherit = "ir.ui.menu"

    def _load_menus_blacklist(self):
        """Hide the other menus of Settings from them: some have no group."""
        hidden = super()._load_menus_blacklist()
        user = self.env.user
        if user.has_group("mailbox_connector.group_mailbox_user") and not (
            user.has_group("base.group_erp_manager")
        ):
            others = self.sudo().search(
                [
                    ("parent_id", "=", self.env.ref("base.menu_administration").id),
                    ("id", "!=", self.env.ref("mailbox_connector.menu_mailboxes").id),
                ]
            )
            hidden.extend(others.ids)
        return hidden
