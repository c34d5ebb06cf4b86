"""The sync algorithm: what to do, given the stored state and the server's.

``plan`` decides (pure functions); ``account`` and ``folder`` carry it out on two
interfaces (``interfaces``): a session with the server and a store. None of this depends
on Odoo, so the same code runs against a model server and a store in memory, with random
mail traffic and interruptions after any step (``tests/engine/test_sync_model.py``).
"""
