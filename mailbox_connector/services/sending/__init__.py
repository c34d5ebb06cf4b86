"""Sending through a mailbox."""
