"""From an address to the settings of its mailbox.

First a table of known providers, which works offline; then what the domain publishes:
autoconfig files, the public ISPDB, SRV records (RFC 6186, 8314), and the same for the
domain of its mail exchanger. Nothing here needs or sends a password, and requests
contain the domain of the address, never the address itself.
"""
