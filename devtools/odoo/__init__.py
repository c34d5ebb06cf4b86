"""Odoo on this checkout: started, its databases, calls into it, its log."""
