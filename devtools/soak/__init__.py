"""`./dev soak`: faults strike a mailbox, and nothing may get lost or doubled."""
