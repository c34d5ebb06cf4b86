"""Trying the settings of one side of a mailbox, step by step."""
