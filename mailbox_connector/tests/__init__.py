from . import test_access
from . import test_account
from . import test_chatter
from . import test_credentials
from . import test_gateway
from . import test_importer
from . import test_merge
from . import test_sending
