#!/usr/bin/env bash
# django-fsm-log 5.0.2, django-fsm-2 4.2.4, Django 5.2.19 (PyPI, Python 3.11): two people act on one row, and the second is
# refused.
#
# Guess beforehand: the log has the transitions that happened: its row is written when the object is saved, so that one whose
# save raises ConcurrentTransition leaves none.
# Seen: the row is written when the transition's method returns. The sale is settled; the log says that it was settled and
# then refunded. A transition that is called and never saved is there too.
# Consequence: a log that staff or an auditor reads shows a refund that never was. Call the transition and save in one
# transaction.atomic block, which takes the log's row back when the save fails.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-fsm-log==5.0.2 django-fsm-2==4.2.4 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models
from django_fsm import ConcurrentTransitionMixin, FSMField, transition


class Sale(ConcurrentTransitionMixin, models.Model):
    state = FSMField(default="unresolved")

    @transition(field=state, source="unresolved", target="settled")
    def settle(self):
        pass

    @transition(field=state, source="unresolved", target="refunded")
    def refund(self):
        pass
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from contextlib import nullcontext

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_fsm_log", "sales"],
)
django.setup()
from django.core.management import call_command
from django.db import transaction
from django_fsm import ConcurrentTransition
from django_fsm_log.models import StateLog
from sales.models import Sale

call_command("migrate", run_syncdb=True, verbosity=0)


def race(wrap):
    made = Sale.objects.create()
    ada, bob = Sale.objects.get(pk=made.pk), Sale.objects.get(pk=made.pk)
    ada.settle()
    ada.save()
    try:
        with wrap():
            bob.refund()
            bob.save()
    except ConcurrentTransition:
        log = StateLog.objects.for_(made).order_by("pk").values_list("transition", flat=True)
        print(f"refused; stored {Sale.objects.get(pk=made.pk).state}, log", ", ".join(log))


race(nullcontext)
race(transaction.atomic)
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
refused; stored settled, log settle, refund
refused; stored settled, log settle
SEEN
