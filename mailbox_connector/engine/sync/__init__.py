"""The sync algorithm: from what is stored and what the server says to what is done.

``plan`` decides (pure functions); ``account`` and ``folder`` carry it out on two
interfaces (``interfaces``): a session with the server and a store. Neither knows Odoo,
so the same code runs against a model server and a store in memory, through random
histories that are interrupted after any step (``tests/engine/test_sync_model.py``).
"""
