"""Queues of raw e-mails: failed imports, and what new e-mails trigger."""

from . import raw_mail
from . import failed_import
from . import inbound
