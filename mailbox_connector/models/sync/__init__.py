"""Reading a mailbox: passes, folders, backfills, leases."""

from . import account_sync
from . import backfill
from . import contact_lookup
from . import folder
from . import lease
from . import location
from . import sync
from . import tombstone
