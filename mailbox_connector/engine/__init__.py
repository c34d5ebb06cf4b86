"""IMAP, SMTP and MIME without Odoo: plain values in, plain values out.

Nothing here imports ``odoo``; a test keeps it so. Layers, lowest first:
``errors`` and ``types``; ``transport`` (sockets, TLS, which hosts may be
reached); ``imap`` and ``smtp`` on it; ``mime`` beside them.
"""
