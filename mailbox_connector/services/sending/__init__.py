"""Mail that leaves through a mailbox."""
