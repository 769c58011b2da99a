#!/usr/bin/env bash
# django-cachalot 2.9.1, Django 5.2.19 (PyPI, Python 3.11): queries that ask the database what time it is.
#
# Guess beforehand: a query with Now() is never kept, for its answer changes without a write.
# Seen: that holds for Now() in a filter and for Now() alone as a column. Inside another expression of a column it does not: "is it
# due" as a Case, the time that is left as F("due_at") - Now(), and the time of a row as Coalesce(..., Now()) are kept
# until somebody writes into the table.
# Consequence: a quote that has run out stays open, and a list of what is due stays empty, for as long as the shop is quiet: up to
# CACHALOT_TIMEOUT, which is for ever by default. Compare with Now() in a filter, or give timezone.now() as a value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-cachalot==2.9.1 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models


class Quote(models.Model):
    due_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import time
from datetime import timedelta

import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    INSTALLED_APPS=["sales", "cachalot"],
)
django.setup()
from django.core.management import call_command
from django.db.models import Case, DurationField, ExpressionWrapper, F, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from sales.models import Quote

call_command("migrate", run_syncdb=True, verbosity=0)
quotes = Quote.objects.all()
left = ExpressionWrapper(F("due_at") - Now(), output_field=DurationField())
queries = {
    "filter": quotes.filter(due_at__lte=Now()).values_list("pk"),
    "column": quotes.annotate(now=Now()).values_list("now"),
    "Case": quotes.annotate(is_due=Case(When(due_at__lte=Now(), then=Value(True)), default=Value(False))).values_list("is_due"),
    "difference": quotes.annotate(left=left).values_list("left"),
    "Coalesce": quotes.annotate(seen_at=Coalesce("paid_at", Now())).values_list("seen_at"),
}
due_at = timezone.now() + timedelta(seconds=2)
Quote.objects.create(due_at=due_at)
before = {name: list(query.all()) for name, query in queries.items()}
assert timezone.now() < due_at
time.sleep(3)
after = {name: list(query.all()) for name, query in queries.items()}
for name in queries:
    print(f"{name}: {'the same' if before[name] == after[name] else 'changed'} after the quote was due")
print("is due, says Case:", after["Case"][0][0])
Quote.objects.create(due_at=due_at)
print("after a write:", queries["Case"].all()[0][0])
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
filter: changed after the quote was due
column: changed after the quote was due
Case: the same after the quote was due
difference: the same after the quote was due
Coalesce: the same after the quote was due
is due, says Case: False
after a write: True
SEEN
