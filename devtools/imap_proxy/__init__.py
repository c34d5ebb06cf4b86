"""A proxy between a mailbox and its IMAP server: counts, and causes faults on order.

    with imap_proxy.running(mail_servers) as proxy:
        ...                             # a mailbox on proxy.host, proxy.port, TLS
        proxy.connections[-1].round_trips
        fault = proxy.cut_after_command(7, when="mid_answer")
        ...                             # fault.fired counts how often it struck
        proxy.clear()

Faults are armed and cleared at any time. Commands are numbered from 1 in each
connection; the greeting is number 0. The certificate is the mail server's own, so
the same authority is to be trusted.
"""

from .faults import WHEN
from .proxy import ImapProxy, running
