#!/usr/bin/env bash
# mysql-connector-python 26.10.0 with Django 5.2.19 (PyPI, Python 3.11): its backend for Django cannot say its own name.
#
# Guess beforehand: the backend that the package brings for Django works as Django's own MySQL backend does, but for details.
# Seen: `display_name` is a function without arguments that Django 5.2 keeps as a cached property, and reading it raises TypeError.
# Django reads it in its checks of the database (`manage.py check --database default`, `migrate`), which end in a traceback.
# Consequence: a shop cannot run on this backend with this Django. PyMySQL and mysqlclient work. No server is needed to see it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mysql-connector-python==26.10.0 Django==5.2.19
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "mysql.connector.django", "NAME": "shop", "HOST": "127.0.0.1"}})
django.setup()

from django.db import connection

print("vendor:", connection.vendor)
try:
    print("display_name:", connection.display_name)
except TypeError as error:
    print("display_name:", type(error).__name__, error)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
vendor: mysql
display_name: TypeError DatabaseWrapper.display_name() takes 0 positional arguments but 1 was given
SEEN
