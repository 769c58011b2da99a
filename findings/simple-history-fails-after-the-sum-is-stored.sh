#!/usr/bin/env bash
# django-simple-history 3.13.0, Django 5.2.19 (PyPI, Python 3.11): a balance that is changed by the database, and a save of one
# field.
#
# Guess beforehand: after `balance = F("balance") + 5` and `save()` the history has the stored sum; or, if it cannot, the save
# fails and changes nothing. A version holds what is stored after the save.
# Seen: `save()` raises ValueError, and the sum is stored: the row is written before the history is tried, and outside a
# transaction that is kept. Each repeat adds again, and the history has none of it. After `save(update_fields=["note"])` the
# version has the balance of the object in memory, be it stale or never saved.
# Consequence: a caller that tries again after the error pays out twice. Change such rows with `update()` within `atomic()`, read
# them again, and write the version from that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-simple-history==3.13.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "simple_history"],
)
django.setup()
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import F
from simple_history.models import HistoricalRecords


class Wallet(models.Model):
    balance = models.DecimalField(max_digits=9, decimal_places=2)
    note = models.CharField(max_length=9, default="")
    history = HistoricalRecords()

    class Meta:
        app_label = "auth"


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Wallet)
    editor.create_model(Wallet.history.model)


def tell(what):
    versions = [str(balance) for balance in Wallet.history.order_by("history_id").values_list("balance", flat=True)]
    print(f"{what}: stored {Wallet.objects.get().balance}, history {', '.join(versions)}")


Wallet.objects.create(balance="10.00")
tell("created")
for attempt in ("first", "second"):
    wallet = Wallet.objects.get()
    wallet.balance = F("balance") + 5
    try:
        wallet.save()
    except ValueError:
        tell(f"ValueError at the {attempt} attempt")
try:
    with transaction.atomic():
        wallet = Wallet.objects.get()
        wallet.balance = F("balance") + 5
        wallet.save()
except ValueError:
    tell("ValueError within atomic()")
wallet = Wallet.objects.get()
Wallet.objects.update(balance="99.00")
wallet.note = "hello"
wallet.save(update_fields=["note"])
tell("another field")
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
created: stored 10.00, history 10.00
ValueError at the first attempt: stored 15.00, history 10.00
ValueError at the second attempt: stored 20.00, history 10.00
ValueError within atomic(): stored 20.00, history 10.00
another field: stored 99.00, history 10.00, 20.00
SEEN
