#!/usr/bin/env bash
# django-lifecycle 1.3.0, Django 5.2.19 (PyPI, Python 3.11): a hook with `when="status", was="open", is_now="paid"`.
#
# Guess beforehand: the hook runs once when a saved row goes from open to paid, whichever fields were loaded or saved before; of a
# second save it knows that nothing has changed.
# Seen: the old value is what the object held when it was loaded, and it is renewed when the transaction commits, for all fields. So
# two saves in one transaction run the hook twice. If the field was not loaded (`only`, `defer`), or another field was saved or
# read again in between, the row becomes paid and the hook does not run, also when the transaction commits.
# Consequence: an order is shipped twice, or never. In one transaction save an object once, and with `update_fields`; load it
# whole; and let the hook's effect be such that a second one changes nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-lifecycle==1.3.0 django==5.2.19
mkdir "$folder/shop"
cat >"$folder/shop/__init__.py" </dev/null
cat >"$folder/shop/models.py" <<'PYTHON'
from django.db import models
from django_lifecycle import AFTER_UPDATE, LifecycleModelMixin, hook


class Order(LifecycleModelMixin, models.Model):
    status = models.CharField(max_length=9, default="open")
    note = models.CharField(max_length=9, default="")
    shipped = 0

    @hook(AFTER_UPDATE, when="status", was="open", is_now="paid")
    def ship(self):
        self.shipped += 1
PYTHON
cat >"$folder/try.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["shop"],
)
django.setup()
from django.core.management import call_command
from django.db import transaction
from shop.models import Order

call_command("migrate", run_syncdb=True, verbosity=0)


def show(title, load=Order.objects.all(), before=lambda order: None, after=lambda order: None):
    order = load.get(pk=Order.objects.create().pk)
    with transaction.atomic():
        order.status = "paid"
        before(order)
        order.save()
        after(order)
    print(f"{title}: {Order.objects.get(pk=order.pk).status}, shipped {order.shipped} times")


show("one save")
show("another save after it", after=lambda order: order.save())
show("loaded without the status", load=Order.objects.only("note"))
show("another field read again before", before=lambda order: order.refresh_from_db(fields=["note"]))
order = Order.objects.get(pk=Order.objects.create().pk)
order.status = "paid"
order.save(update_fields=["note"])
order.save()
print(f"another field saved before: {Order.objects.get(pk=order.pk).status}, shipped {order.shipped} times")
PYTHON
(cd "$folder" && "$folder/venv/bin/python" try.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
one save: paid, shipped 1 times
another save after it: paid, shipped 2 times
loaded without the status: paid, shipped 0 times
another field read again before: paid, shipped 0 times
another field saved before: paid, shipped 0 times
SEEN
