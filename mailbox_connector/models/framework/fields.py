"""Column types that IMAP needs and Odoo lacks."""

from odoo import fields


class BigInteger(fields.Integer):
    """A 64-bit integer: UIDs and UIDVALIDITY are unsigned 32-bit (RFC 9051
    section 2.3.1.1), mod-sequences 63-bit (RFC 7162 section 3.1)."""

    _column_type = ("int8", "int8")
