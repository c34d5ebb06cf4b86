"""Glue to Odoo and to the database."""

from . import fields
from . import ir_cron
from . import res_config_settings
