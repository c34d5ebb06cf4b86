import contextlib
import os

from odoo import api, models

from odoo.addons.mail.tools.discuss import Store


class IrAttachment(models.Model):
    """Files of e-mails: each download checks the right to read the e-mail.

    For other files, core creates tokens: anyone with such a link can open the file for
    weeks. Files of e-mails get no tokens, so that a change of readers takes effect
    immediately.
    """

    _inherit = "ir.attachment"

    @api.model
    def _get_path(self, bin_data, sha):
        """Delete a truncated file that a full disk or a killed worker has left.

        Core would use it for every later file with the same checksum.
        """
        if self.env.context.get("mailbox_import"):
            path = self._full_path(os.path.join(sha[:2], sha))
            with contextlib.suppress(FileNotFoundError):
                if os.path.getsize(path) != len(bin_data):
                    os.unlink(path)
        return super()._get_path(bin_data, sha)

    def _mailbox_owned(self):
        """Whether it is the file of an e-mail."""
        return self.res_model == "mailbox.message"

    def _get_raw_access_token(self):
        return not self._mailbox_owned() and super()._get_raw_access_token()

    def _get_thumbnail_token(self):
        return not self._mailbox_owned() and super()._get_thumbnail_token()

    def _get_ownership_token(self):
        return not self._mailbox_owned() and super()._get_ownership_token()

    def _to_store_defaults(self, target):
        """Mark files of e-mails. They get no link to a document, since the chatters
        of several contacts show them."""
        defaults = super()._to_store_defaults(target)
        if not self.env["mailbox.audience"].sudo().has_mailboxes():
            return defaults
        for attribute in defaults:
            if getattr(attribute, "field_name", None) == "thread":
                attribute.predicate = lambda file: not file._mailbox_owned()
        mark = Store.Attr(
            "from_mailbox", True, predicate=lambda file: file._mailbox_owned()
        )
        return [*defaults, mark]
