"""ATOMIC_REQUESTS: no view of the app runs in the transaction of a request, whichever database the app lives in."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connections

import cryptopay_django
from cryptopay_django.atomic_requests import non_atomic_requests
from cryptopay_django.exceptions import TransactionOpenError
from cryptopay_django.models import Invoice
from cryptopay_django.models.locking import committed


def test_a_view_is_outside_of_the_transactions_of_all_databases(monkeypatch):
    other = {**connections.settings["default"], "ATOMIC_REQUESTS": True}
    monkeypatch.setitem(connections.settings, "other", other)

    def view(request):
        return "as it is"

    assert BaseHandler().make_view_atomic(view) is not view
    assert BaseHandler().make_view_atomic(non_atomic_requests(view)) is view


class ToTheOther:
    def db_for_write(self, model, **hints):
        return "other"


def test_a_call_in_such_a_transaction_names_the_decorator_for_its_database(settings):
    """As under ATOMIC_REQUESTS: nothing is opened, and so nothing connected, before that is refused."""
    settings.DATABASE_ROUTERS = [f"{__name__}.ToTheOther"]
    with contextlib.closing(connections["default"].copy("other")) as other:
        other.in_atomic_block = True
        connections["other"] = other
        try:
            with pytest.raises(TransactionOpenError, match=r'@transaction\.non_atomic_requests\(using="other"\)'):
                committed(Invoice, "this").__enter__()
        finally:
            other.in_atomic_block = False
            del connections["other"]


def test_no_view_has_the_decorator_that_knows_one_database():
    package = Path(cryptopay_django.__file__).parent
    own = re.compile(
        r"@transaction\.non_atomic_requests\n|transaction import non_atomic|transaction\.non_atomic_requests\([A-Z]"
    )

    assert [path for path in package.rglob("*.py") if own.search(path.read_text())] == []
