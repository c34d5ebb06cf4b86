"""The code of `./dev`: real Odoo, PostgreSQL, mail servers and a browser for this
checkout. Standard library only, so that it starts on a bare machine.
"""
