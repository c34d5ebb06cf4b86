"""E-mails as they are stored and shown."""

from . import conversation
from . import ir_attachment
from . import link
from . import mail_message
from . import message
from . import reference
from . import res_partner
