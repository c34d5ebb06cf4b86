"""From raw mail to e-mails on contacts, and what new mail sets off."""

from . import failed_import
from . import inbound
