from . import base_partner_merge
from . import mail_compose_message
from . import mailbox_backfill_start
from . import mailbox_connect
from . import mailbox_test_email
from . import mailbox_trace
