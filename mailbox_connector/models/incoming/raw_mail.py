from odoo import api, fields, models


class MailboxRawMail(models.AbstractModel):
    """A record that keeps an e-mail as received, in a file that users can download.

    The bytes are read and written as an attachment: a Binary field would encode them in
    base64 each time.
    """

    _name = "mailbox.raw.mail"
    _description = "E-mail in its original form"

    #: The field whose value is the number in the file's name.
    _raw_number = "id"

    raw = fields.Binary(string="Original e-mail", attachment=True, readonly=True)
    file_name = fields.Char(compute="_compute_file_name")

    def _compute_file_name(self):
        for row in self:
            row.file_name = f"e-mail-{row[row._raw_number]}.eml"

    @api.private
    def raw_files(self):
        """The files of these records (``ir.attachment``); none if nothing is kept."""
        # sudo: the file of a field, of a record that the user may read
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "raw"),
                    ("res_id", "in", self.ids),
                ]
            )
        )

    @api.private
    def raw_bytes(self):
        """The e-mail of one record; b"" if none is kept."""
        self.ensure_one()
        return self.raw_files()[:1].raw or b""

    @api.private
    def store_raw_bytes(self, raws):
        """Keep an e-mail for each of these records.

        :param raws: in the order of the records; b"": nothing to keep
        """
        self.env["ir.attachment"].with_context(mailbox_import=True).create(
            [
                {
                    "name": "message.eml",
                    "res_model": self._name,
                    "res_field": "raw",
                    "res_id": row.id,
                    "raw": raw,
                    "mimetype": "application/octet-stream",
                }
                for row, raw in zip(self, raws, strict=True)
                if raw
            ]
        )
