"""How the models use the engine: matching, importing, syncing, sending.

Plain classes and functions that take an Odoo environment; the models stay thin.
"""
