"""What moves bytes: sockets, TLS, which hosts may be reached, deadlines."""
