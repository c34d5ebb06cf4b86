"""What has to be there first: system packages, Python, Node, Odoo's source."""
