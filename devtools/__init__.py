"""The code of `./dev`: real Odoo, PostgreSQL, mail servers and a browser for this
checkout.

A command is a module here (`lint.py`) or the `command.py` of a folder (`demo/`). What
runs before Odoo's Python environment is made uses the standard library only, so that
`./dev` starts on a bare machine.
"""
