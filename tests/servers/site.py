"""What servers are pointed at: `tests.servers.site:wsgi`, `tests.servers.site:asgi`. Their environment has the settings."""

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

wsgi = get_wsgi_application()
asgi = get_asgi_application()
