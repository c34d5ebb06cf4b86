"""IMAP, SMTP and MIME without Odoo: plain values in, plain values out.

Nothing here imports ``odoo``. Layers, lowest first; each uses only those above it in
this list (``tests/engine/test_architecture.py`` has the exact table):

- ``errors``: kinds of failure; ``types``: values that go in and come out;
- ``backoff``: waiting times; ``redact``: hiding credentials;
- ``net``: connections, TLS, deadlines, and which hosts may be reached;
- ``mime``: messages, headers, addresses, delivery reports;
- ``diagnosis_rules`` and ``diagnosis``: what a server's words mean;
- ``imap``: reading mailboxes; ``smtp``: sending;
- ``sync``: the algorithm that brings a mailbox up to date;
- ``discovery``: from an address to server settings; ``connection_test``: testing
  settings.
"""
