"""Messages: addresses, headers, bodies, attachments (RFC 5322, RFC 2045)."""
