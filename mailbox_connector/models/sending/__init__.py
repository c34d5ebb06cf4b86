"""Mail that leaves through a mailbox."""

from . import account_pace
from . import account_sending
from . import account_sent_copy
from . import delivery
from . import identity
from . import ir_mail_server
from . import mail_mail
from . import mail_notification
from . import mail_scheduled_message
from . import mail_thread
from . import sender_rule
