#!/usr/bin/env bash
# mysql-connector-python 26.10.0 with Django 5.2.19 (PyPI, Python 3.11): `quote_value` of its schema editor quotes nothing.
#
# Guess beforehand: `quote_value` returns a literal that can stand in a statement, as that of Django's four databases does: 'pending'.
# Seen: it escapes the text and leaves the quotes away. A status becomes the name of a column, and a time becomes a syntax error.
# Consequence: who writes constants into statements, as `sqlmigrate` does, must see that they came back quoted. No server is needed to
# see it: the connection is one that was never opened.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mysql-connector-python==26.10.0 Django==5.2.19
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from datetime import datetime

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {"ENGINE": "mysql.connector.django", "NAME": "shop", "HOST": "127.0.0.1"},
        "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    }
)
django.setup()

from django.db import connections
from mysql.connector.connection import MySQLConnection
from mysql.connector.conversion import MySQLConverter

unopened = connections["default"]
unopened.connection = MySQLConnection()
unopened.connection.converter_class = MySQLConverter
unopened.ensure_connection = lambda: None
for alias in ("default", "other"):
    quote = connections[alias].SchemaEditorClass(connections[alias]).quote_value
    print(connections[alias].vendor, [quote(value) for value in ("pending", "it's", 7)])
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
mysql ['pending', "it\\'s", 7]
sqlite ["'pending'", "'it''s'", '7']
SEEN
