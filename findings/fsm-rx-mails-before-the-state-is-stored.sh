#!/usr/bin/env bash
# django-fsm-rx 5.3.0, Django 5.2.19 (PyPI, Python 3.11): the callback `on_commit` of a transition, and its audit log.
#
# Guess beforehand: `on_commit` runs when the new state is in the database, as the readme has it for mails to customers ("after
# commit"); a `save()` in the transition's body, which the readme's example has too, stores the new state; and the log has what
# was stored.
# Seen: the transition's own transaction ends before the caller saves, so `on_commit` runs while the row still has the old state,
# and also when it is never saved. The log has the transition then. A `save()` in the body stores the old state: the new one is
# set after the body. Only a transaction around the transition and the save gives the promised order.
# Consequence: a customer is mailed about a payment that no row knows, and it is paid again. Write `with transaction.atomic():`
# around both, and never save in the body.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-fsm-rx==5.3.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_fsm_rx"],
)
django.setup()
from django.core.management import call_command
from django.db import connection, models, transaction
from django_fsm_rx import FSMField, transition
from django_fsm_rx.models import FSMTransitionLog


def mail(instance, source, target, **kwargs):
    print(f"  mail: your order is {target}; stored: {stored(instance)}")


def stored(order):
    return Order.objects.get(pk=order.pk).state


class Order(models.Model):
    state = FSMField(default="new")

    class Meta:
        app_label = "shop"

    @transition(field=state, source="new", target="paid", on_commit=mail)
    def pay(self):
        pass

    @transition(field=state, source="new", target="sent", on_commit=mail)
    def send(self):
        self.save()


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Order)
print("never saved")
order = Order.objects.create()
order.pay()
print("  stored:", stored(order), "| log:", *FSMTransitionLog.objects.values_list("source_state", "target_state"))
print("saved afterwards")
order = Order.objects.create()
order.pay()
order.save()
print("saved in the body")
order = Order.objects.create()
order.send()
print("  stored:", stored(order), "| in memory:", order.state)
print("in one transaction")
order = Order.objects.create()
with transaction.atomic():
    order.pay()
    order.save()
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
never saved
  mail: your order is paid; stored: new
  stored: new | log: ('new', 'paid')
saved afterwards
  mail: your order is paid; stored: new
saved in the body
  mail: your order is sent; stored: new
  stored: new | in memory: sent
in one transaction
  mail: your order is paid; stored: paid
SEEN
