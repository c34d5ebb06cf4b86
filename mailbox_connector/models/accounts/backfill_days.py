"""How far back e-mails can be imported."""

#: Longest window, in days.
MOST_DAYS = 3650
