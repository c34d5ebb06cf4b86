"""Who may read which e-mails."""

from . import audience
from . import ir_ui_menu
from . import ir_websocket
from . import res_users
