"""The file for translators has every text of the addon, and no other."""

import io
import warnings

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path
from odoo.tools.translate import trans_export

MODULE = "mailbox_connector"


@tagged("post_install", "-at_install")
class TestTerms(TransactionCase):
    def test_the_file_for_translators_is_up_to_date(self):
        file = io.BytesIO()
        with warnings.catch_warnings():
            # Odoo calls functions that new versions of Babel deprecate.
            warnings.simplefilter("ignore", DeprecationWarning)
            trans_export(None, [MODULE], file, "po", self.env)
        exported = polib.pofile(file.getvalue().decode())
        stored = polib.pofile(file_path(f"{MODULE}/i18n/{MODULE}.pot"))
        self.assertEqual(
            {entry.msgid for entry in stored},
            {entry.msgid for entry in exported},
            f"{MODULE}.pot is not up to date: run ./dev terms",
        )
