"""From an address to the settings of its mailbox.

A table of known providers first, which works offline; then what the domain says of
itself: autoconfig files, the public ISPDB, SRV records (RFC 6186, 8314), and the same
for the domain of its mail exchanger. Nothing here needs or sends a password, and the
address itself is in no request: its domain is.
"""
