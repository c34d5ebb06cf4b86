"""One folder a subject; accounts last: it is made of parts of the others."""

from . import framework
from . import access
from . import sync
from . import incoming
from . import messages
from . import sending
from . import health
from . import accounts
