"""Importing e-mails, and what new e-mails cause after their import."""
