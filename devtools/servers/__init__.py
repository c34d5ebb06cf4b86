"""The servers that Odoo talks to here: PostgreSQL, mail, names, certificates."""
