#!/usr/bin/env bash
# django-post_office 3.12.0, Django 5.2.19 (PyPI, Python 3.11): what its EMAIL_BACKEND makes of messages of Django's mail API.
#
# Guess beforehand: what is queued is sent as Django would have sent it: an HTML-only message as HTML, both attachments of one
# name, the media types that were given, and an invitation (text/calendar) as an alternative.
# Seen: the HTML-only message is sent as text/plain, tags and all. Attachments are kept under their names, so that the second
# of one name replaces the first, and a media type that was given is lost. Alternatives other than text/html are dropped.
# Nothing warns.
# Consequence: send text with an HTML alternative, give every attachment a name of its own that ends as its type does, and
# look at a delivered mail after the backend was changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-post-office==3.12.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import sys

import django
from django.conf import settings

DJANGO, POST_OFFICE = "django.core.mail.backends.locmem.EmailBackend", "post_office.EmailBackend"
settings.configure(
    SECRET_KEY="not secret",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    MEDIA_ROOT=sys.argv[1],
    POST_OFFICE={"BACKENDS": {"default": DJANGO}, "DEFAULT_PRIORITY": "now"},
)
django.setup()
from django.core import mail
from django.core.management import call_command

call_command("migrate", verbosity=0)
mail.outbox = []
PEOPLE = {"from_email": "shop@shop.example", "to": ["ada@shop.example"]}


def html_only():
    message = mail.EmailMessage("Paid", "<p>Thank you</p>", **PEOPLE)
    message.content_subtype = "html"
    return message


def with_more():
    message = mail.EmailMultiAlternatives("Paid", "Thank you", **PEOPLE)
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    message.attach("receipt.pdf", b"of the coins", "application/pdf")
    message.attach("receipt.pdf", b"of the fee", "application/pdf")
    message.attach("books", b"<books/>", "application/xml")
    return message


for make in (html_only, with_more):
    for name, backend in (("Django", DJANGO), ("post_office", POST_OFFICE)):
        message = make()
        message.connection = mail.get_connection(backend)
        message.send()
        leaves = [part for part in mail.outbox[-1].message().walk() if not part.is_multipart()]
        print(make.__name__, name, [f"{leaf.get_content_type()} {leaf.get_filename() or ''}".strip() for leaf in leaves])
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py "$folder/media") >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
html_only Django ['text/html']
html_only post_office ['text/plain']
with_more Django ['text/plain', 'text/calendar', 'application/pdf receipt.pdf', 'application/pdf receipt.pdf', 'application/xml books']
with_more post_office ['text/plain', 'application/pdf receipt.pdf', 'application/octet-stream books']
SEEN
