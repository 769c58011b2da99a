"""Registering durable handlers: what is refused, and what the message says to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cryptopay_django import handlers
from cryptopay_django.exceptions import HandlerError
from cryptopay_django.services.events.outbox import SIGNALS

ROOT = Path(__file__).parents[1]


def takes_both(invoice, event):
    pass


def another(invoice, event):
    pass


def takes_one(event):
    pass


async def is_asynchronous(invoice, event):
    pass


def yields(invoice, event):
    yield


class Holder:
    def method(self, invoice, event):
        pass


@pytest.fixture(autouse=True)
def forget():
    yield
    handlers.unregister(takes_both)


def nested():
    def inner(invoice, event):
        pass

    return inner


def test_there_is_a_decorator_for_every_signal_and_no_other():
    names = {name for name in vars(handlers) if name.startswith("on_")}

    assert names == {f"on_{kind}" for kind in SIGNALS}
    for name in names:
        assert getattr(handlers, name).__name__ == name


@pytest.mark.parametrize("kind", sorted(SIGNALS))
def test_each_decorator_registers_for_its_kind_alone_and_returns_the_function(kind):
    decorated = getattr(handlers, f"on_{kind}")(takes_both)

    assert decorated is takes_both
    assert [other for other in SIGNALS if handlers.paths_for(other)] == [kind]
    assert handlers.paths_for(kind) == ["tests.test_handlers.takes_both"]
    assert handlers.find_handler(kind, "tests.test_handlers.takes_both") is takes_both


def test_one_function_can_handle_several_kinds():
    handlers.on_invoice_completed(handlers.on_invoice_refunded(takes_both))

    assert handlers.paths_for("invoice_completed") == handlers.paths_for("invoice_refunded") != []


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda invoice, event: None, "at the top level of a module"),
        (nested(), "at the top level of a module"),
        (Holder.method, "at the top level of a module"),
        (Holder().method, "at the top level of a module"),
        (Holder, "at the top level of a module"),
        (is_asynchronous, "without async or yield"),
        (yields, "without async or yield"),
        (takes_one, r"must take two arguments, \(invoice, event\)"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_with_what_to_do(function, advice):
    with pytest.raises(HandlerError, match=advice):
        handlers.on_invoice_completed(function)

    assert handlers.paths_for("invoice_completed") == []


def test_a_function_of_the_main_module_is_refused(monkeypatch):
    monkeypatch.setattr(takes_both, "__module__", "__main__")

    with pytest.raises(HandlerError, match="move it into a module of an app"):
        handlers.on_invoice_completed(takes_both)


def test_a_path_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(takes_both, "__module__", "a" * 250)

    with pytest.raises(HandlerError, match="shorter name"):
        handlers.on_invoice_completed(takes_both)


def test_the_same_handler_twice_is_refused():
    handlers.on_invoice_completed(takes_both)

    with pytest.raises(HandlerError, match="decorate it once"):
        handlers.on_invoice_completed(takes_both)


def test_another_function_under_the_same_path_is_refused_for_any_kind(monkeypatch):
    handlers.on_invoice_completed(takes_both)
    monkeypatch.setattr(another, "__qualname__", "takes_both")

    with pytest.raises(HandlerError, match="give one of the two another name"):
        handlers.on_invoice_refunded(another)


def test_the_handlers_and_receivers_of_an_installed_app_are_found_when_django_starts(tmp_path):
    (tmp_path / "corner_shop").mkdir()
    (tmp_path / "corner_shop" / "__init__.py").touch()
    (tmp_path / "corner_shop" / "cryptopay_handlers.py").write_text(
        "from django.dispatch import receiver\n\n"
        "from cryptopay_django.handlers import on_invoice_completed\n"
        "from cryptopay_django.signals import invoice_refunded\n\n\n"
        "@on_invoice_completed\ndef ship(invoice, event):\n    pass\n\n\n"
        "@receiver(invoice_refunded)\ndef close(**kwargs):\n    pass\n"
    )
    program = (
        "import django\nfrom django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django.contrib.contenttypes', 'cryptopay_django', 'corner_shop'])\n"
        "django.setup()\nfrom cryptopay_django import handlers\nprint(handlers.paths_for('invoice_completed'))\n"
        "from cryptopay_django.signals import invoice_refunded\nprint(invoice_refunded.has_listeners())\n"
    )

    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "['corner_shop.cryptopay_handlers.ship']\nTrue\n"
