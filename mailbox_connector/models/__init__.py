"""One folder per subject; accounts last, because it is composed of parts of the
others."""

from . import framework
from . import access
from . import sync
from . import incoming
from . import messages
from . import sending
from . import health
from . import accounts
