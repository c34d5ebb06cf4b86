"""Mailboxes themselves: settings, credentials, providers, connecting."""

from . import credential
from . import provider
from . import account_setup
from . import account_connection
from . import account_api
from . import account
