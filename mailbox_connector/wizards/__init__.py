from . import mailbox_connect
from . import mailbox_test_mail
