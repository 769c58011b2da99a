"""What servers are pointed at: `tests.servers.site:wsgi`, `tests.servers.site:asgi`."""

import os

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.servers.settings"

wsgi = get_wsgi_application()
asgi = get_asgi_application()
