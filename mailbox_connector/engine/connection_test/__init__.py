"""Connection test: trying the settings of one server of a mailbox, step by step."""
