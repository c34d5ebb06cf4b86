"""Glue to Odoo and to the database."""
