#!/usr/bin/env bash
# django-salesman 1.3.0, Django 5.2.19 (PyPI, Python 3.11): which payment methods a shop offers.
#
# Guess beforehand: every class in SALESMAN_PAYMENT_METHODS that has `basket_payment` is offered for baskets, also one that gets it
# from a base class, such as a shop's own subclass of a method that a package brings, with another label.
# Seen: the subclass is accepted, and it is missing among the methods that are offered. Nothing warns. With the same method written
# again in its own body, even if it only calls the base class, it is there.
# Consequence: who changes the label of a packaged method in a subclass loses the method at the checkout. A package's base class can
# set the hooks again on each subclass (`__init_subclass__`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-salesman==1.3.0 django==5.2.19
cat >"$folder/methods.py" <<'PYTHON'
from salesman.checkout.payment import PaymentMethod


class Packaged(PaymentMethod):
    identifier, label = "packaged", "Coins"

    def basket_payment(self, basket, request):
        return "/pay/"


class Renamed(Packaged):
    identifier, label = "renamed", "Bitcoin and others"


class WrittenAgain(Packaged):
    identifier, label = "again", "Bitcoin and others"

    def basket_payment(self, basket, request):
        return super().basket_payment(basket, request)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from importlib.metadata import version

import django
from django.conf import settings
from django.test import RequestFactory

settings.configure(
    SECRET_KEY="not secret",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.contenttypes", "django.contrib.auth", "rest_framework",
        "salesman.core", "salesman.basket", "salesman.checkout", "salesman.orders",
    ],
    SALESMAN_PRODUCT_TYPES={},
    SALESMAN_PAYMENT_METHODS=["methods.Packaged", "methods.Renamed", "methods.WrittenAgain"],
)
django.setup()
from salesman.checkout.payment import payment_methods_pool

request = RequestFactory().get("/")
print("django-salesman", version("django-salesman"), "Django", django.__version__)
print("offered:", [method.identifier for method in payment_methods_pool.get_payments("basket", request)])
print("known:", [method.identifier for method in payment_methods_pool.get_payments()])
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
django-salesman 1.3.0 Django 5.2.19
offered: ['packaged', 'again']
known: ['packaged', 'renamed', 'again']
SEEN
