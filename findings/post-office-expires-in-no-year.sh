#!/usr/bin/env bash
# django-post_office 3.12.0, Django 5.2.19 (PyPI, Python 3.11): the Expires header of a mail that has `expires_at`.
#
# Guess beforehand: the header is a date of RFC 5322, which Python's email package reads as the same moment.
# Seen: the date has no year: "Mon, 1 Mar 12:00:00 +0000". Python's email package refuses it.
# Consequence: a reader of mail cannot tell when "pay within two days" is over. `expires_at` still stops the queue from
# sending late; a header for readers can be written by the caller in a message without `expires_at`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-post-office==3.12.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    POST_OFFICE={"BACKENDS": {"default": "django.core.mail.backends.locmem.EmailBackend"}},
)
django.setup()
from django.core.management import call_command
from post_office.models import Email

call_command("migrate", verbosity=0)

END = datetime(2027, 3, 1, 12, 0, tzinfo=timezone.utc)
mail = Email.objects.create(from_email="shop@shop.example", to=["ada@shop.example"], subject="Pay", expires_at=END)
header = mail.email_message().message()["Expires"]
for name, text in (("post_office", header), ("Python", format_datetime(END))):
    try:
        print(f"{name}: {text} ->", parsedate_to_datetime(text).isoformat())
    except ValueError:
        print(f"{name}: {text} -> not a date")
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
post_office: Mon, 1 Mar 12:00:00 +0000 -> not a date
Python: Mon, 01 Mar 2027 12:00:00 +0000 -> 2027-03-01T12:00:00+00:00
SEEN
