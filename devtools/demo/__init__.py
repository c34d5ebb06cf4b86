"""`./dev demo` and `./dev mail`: Odoo with a filled mailbox to click through."""
