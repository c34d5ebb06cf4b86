"""Problems, and who is alerted of them."""

from . import account_health
from . import alert
from . import run
