"""Problems, and who is alerted about them."""

from . import account_health
from . import alert
from . import run
