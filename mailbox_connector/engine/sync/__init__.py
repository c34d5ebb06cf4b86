"""The sync algorithm: from what is stored and what the server says to what is done.

``plan`` decides (pure functions), ``folder`` and ``account`` carry it out on two
ports: a session with the server and a store (``ports``). Neither knows Odoo, so the
same code runs against a model server and a store in memory, through random
histories with a crash after any step.
"""
