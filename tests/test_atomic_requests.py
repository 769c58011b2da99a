"""ATOMIC_REQUESTS: no view of the app runs in the transaction of a request, whichever database the app lives in."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.handlers.base import BaseHandler
from django.db import connections

import cryptopay_django
from cryptopay_django.atomic_requests import non_atomic_requests


def test_a_view_is_outside_of_the_transactions_of_all_databases(monkeypatch):
    other = {**connections.settings["default"], "ATOMIC_REQUESTS": True}
    monkeypatch.setitem(connections.settings, "other", other)

    def view(request):
        return "as it is"

    assert BaseHandler().make_view_atomic(view) is not view
    assert BaseHandler().make_view_atomic(non_atomic_requests(view)) is view


def test_no_view_has_the_decorator_that_knows_one_database():
    package = Path(cryptopay_django.__file__).parent
    own = re.compile(
        r"@transaction\.non_atomic_requests\n|transaction import non_atomic|transaction\.non_atomic_requests\([A-Z]"
    )

    assert [path for path in package.rglob("*.py") if own.search(path.read_text())] == []
