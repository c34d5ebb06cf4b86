"""What the models do with the engine: matching, importing, syncing.

Plain classes and functions that take an Odoo environment; the models stay thin.
"""
