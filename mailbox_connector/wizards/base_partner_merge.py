from odoo import api, models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    """A merged contact has each e-mail once.

    Core moves foreign keys, one table at a time, and cannot handle two rows that become
    the same. Links and copies of the same e-mail are therefore merged first.
    """

    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        self._mailbox_merge_links(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)

    @api.model
    def _update_reference_fields(self, src_partners, dst_partner):
        # Again: an import may have committed in between.
        self._mailbox_merge_links(src_partners, dst_partner)
        result = super()._update_reference_fields(src_partners, dst_partner)
        dst_partner.mailbox_reload_chatter()
        return result

    @api.model
    def _mailbox_merge_links(self, src_partners, dst_partner):
        """Keep one link and one copy of each e-mail that several of the contacts have:
        preferably the destination's link, and a message that is not just a copy."""
        partners = src_partners | dst_partner
        # sudo: links have no access rights of their own; core checks the merge
        links = (
            self.env["mailbox.link"]
            .sudo()
            .search([("partner_id", "in", partners.ids)], order="message_id, id")
        )
        surplus_links = links.browse()
        surplus_copies = self.env["mail.message"].sudo()
        for same in links.grouped("message_id").values():
            if len(same) == 1:
                continue
            kept = (
                same.filtered(lambda link: link.partner_id == dst_partner) or same[:1]
            )
            copies = (kept + (same - kept)).mail_message_id
            # Posted there by core's gateway or by a user, so not just a copy.
            native = copies.filtered(lambda copy: not copy.mailbox_message_id)
            shown = (native or copies)[:1]
            dropped = copies.filtered("mailbox_message_id") - shown
            dropped.child_ids.parent_id = shown
            kept.mail_message_id = shown
            surplus_copies += dropped
            surplus_links += same - kept
        surplus_links.unlink()
        surplus_copies.unlink()
