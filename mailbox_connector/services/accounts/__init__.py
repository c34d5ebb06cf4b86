"""Mailboxes themselves: settings, credentials, providers, connecting."""
