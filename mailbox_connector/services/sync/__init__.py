"""Reading a mailbox: passes, folders, backfills."""
