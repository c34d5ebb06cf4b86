import contextlib
import os

from odoo import api, models

from odoo.addons.mail.tools.discuss import Store


class IrAttachment(models.Model):
    """Files of e-mails: opened by the right to read the e-mail, asked for each time.

    Core gives every file in a chatter a token that opens it for whoever has the
    link, for weeks. A file of a mailbox gets none, so that a change of its readers
    takes effect at once.
    """

    _inherit = "ir.attachment"

    @api.model
    def _get_path(self, bin_data, sha):
        """What a full disk or a killed worker has left of a file is no file: core
        would take it for another one with the same checksum, for ever."""
        if self.env.context.get("mailbox_import"):
            path = self._full_path(os.path.join(sha[:2], sha))
            with contextlib.suppress(FileNotFoundError):
                if os.path.getsize(path) != len(bin_data):
                    os.unlink(path)
        return super()._get_path(bin_data, sha)

    def _mailbox_owned(self):
        return self.res_model == "mailbox.message"

    def _get_raw_access_token(self):
        return not self._mailbox_owned() and super()._get_raw_access_token()

    def _get_thumbnail_token(self):
        return not self._mailbox_owned() and super()._get_thumbnail_token()

    def _get_ownership_token(self):
        return not self._mailbox_owned() and super()._get_ownership_token()

    def _to_store_defaults(self, target):
        """Files of e-mails are marked, and named after no document: the chatters of
        several contacts show them."""
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
