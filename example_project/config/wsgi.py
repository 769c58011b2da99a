"""The WSGI application of the example shop."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.config.settings")

application = get_wsgi_application()
