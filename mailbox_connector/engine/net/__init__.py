"""Network: sockets, TLS, which hosts may be reached, deadlines."""
