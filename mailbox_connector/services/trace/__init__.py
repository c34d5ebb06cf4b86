"""Why an e-mail is in Odoo, or missing."""
