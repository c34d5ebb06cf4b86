"""What is to be done when the addon goes."""


def uninstall_hook(env):
    """Leave a working Odoo that shows nobody what they could not read before."""
