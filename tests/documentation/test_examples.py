"""The Python of every page runs: its files become modules of a shop, its settings are checked, its tests pass.

A block whose first line names a file is that file: `# settings.py`, `# urls.py`, `# shop/views.py`. The shop's models
are the example shop's.
"""

from __future__ import annotations

import inspect
import logging.config
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.checks import run_checks
from django.dispatch import Signal
from django.urls import get_resolver
from django.utils.module_loading import import_string

from cryptopay_django import handlers, signals
from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.services.events.outbox import SIGNALS
from example_project.shop import models
from example_project.shop.models import Order
from tests.wire import UNREACHABLE, ScriptedGateway

from .pages import OF_HOSTS, PAGES, ROOT, Block, blocks

OF_A_PROJECT_OF_ITS_OWN = ["getting-started.md", "stored-accounts.md"]
"""What they say is done in a new project: test_getting_started.py, test_stored_accounts.py."""

NOT_HERE = [*OF_A_PROJECT_OF_ITS_OWN, *(page.name for page in OF_HOSTS)]
WITH_PYTHON = [page for page in PAGES if blocks(page, "python") and page.name not in NOT_HERE]


class Shop:
    """A project `shop` that exists as long as a test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.request = request
        self.monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
        self.settings: Any = request.getfixturevalue("settings")
        self.modules: list[ModuleType] = []
        package = ModuleType("shop")
        package.__path__ = []
        self.monkeypatch.setitem(sys.modules, "shop", package)
        self.monkeypatch.setitem(sys.modules, "shop.models", models)

    def run(self, block: Block) -> ModuleType:
        """Run a block as its file, and take its settings and addresses into force."""
        module = self._load(block)
        if block.file == "settings.py":
            self._set(vars(module))
        if block.file == "urls.py":
            self.settings.ROOT_URLCONF = tuple(module.urlpatterns)
            assert list(get_resolver().url_patterns) == module.urlpatterns
        for name, function in list(vars(module).items()):
            if name.startswith("test_"):
                self._play(function)
        return module

    def _load(self, block: Block) -> ModuleType:
        module = ModuleType((block.file or "shop/anything.py").removesuffix(".py").replace("/", "."))
        for name in re.findall(r'os\.environ\["(\w+)"\]', block.text):
            self.monkeypatch.setenv(name, f"a-value-of-more-than-twenty-characters-{name}")
        if module.__name__.startswith("shop."):
            self.monkeypatch.setitem(sys.modules, module.__name__, module)
            self.monkeypatch.setattr(sys.modules["shop"], module.__name__[5:], module, raising=False)
        module.__package__ = module.__name__.rpartition(".")[0]
        exec(compile(block.text, f"{block}", "exec"), vars(module))
        self.modules.append(module)
        return module

    def _set(self, names: dict[str, Any]) -> None:
        for name, value in names.items():
            if name == "INSTALLED_APPS":
                assert {app for app in value if not apps.is_installed(app)} == set()
            elif name == "LOGGING":
                logging.config.DictConfigurator(value).configure_formatter(value["formatters"]["plain"])
            elif name.isupper():
                setattr(self.settings, name, value)

    def _play(self, test: Any) -> None:
        names = inspect.signature(test).parameters
        test(**{name: None if name == "db" else self.request.getfixturevalue(name) for name in names})

    def forget(self) -> None:
        """Forget the handlers that were registered."""
        for module in self.modules:
            for value in vars(module).values():
                if inspect.isfunction(value):
                    handlers.unregister(value)


@pytest.fixture
def shop(request: pytest.FixtureRequest, db: None, cryptopay_sandbox: object) -> Iterator[Shop]:
    cache.clear()  # what another test's gateway did not list is not remembered
    public = [value for value in vars(signals).values() if isinstance(value, Signal)]
    connected = {signal: signal.receivers for signal in public}
    for signal in public:
        signal.receivers = list(signal.receivers)
    shop = Shop(request)
    yield shop
    shop.forget()
    for signal, receivers in connected.items():
        signal.receivers = receivers


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Any, shop: Shop) -> None:
    modules = [shop.run(block) for block in blocks(page, "python")]

    assert [message for message in run_checks(tags=["cryptopay", "urls"]) if message.id != "cryptopay.W010"] == []
    texts = [value for module in modules for name, value in vars(module).items() if name.startswith("CRYPTOPAY_")]
    assert all(callable(import_string(text)) for text in texts if str(text).startswith("shop."))


def test_the_shop_of_the_readme_sells(shop: Shop, cryptopay_sandbox: Any, rf: Any) -> None:
    # The example shop's own receivers would do the README's work.
    for signal in SIGNALS.values():
        signal.receivers = []
    files = {block.file: block for block in blocks(ROOT / "README.md", "python")}
    views, _ = shop.run(files["shop/views.py"]), shop.run(files["shop/cryptopay_handlers.py"])
    ada = User.objects.create(username="ada")
    order = Order.objects.create(customer=ada, amount=20, ship_to="Ada")

    def ask(method: str, **data: str) -> Any:
        request = getattr(rf, method)("/", data)
        request.user = ada
        return views.PayOrder.as_view()(request, reference=order.reference)

    assert [ask("get").status_code for _ in range(3)] == [200, 200, 200]
    assert not Invoice.objects.exists()
    answer = ask("post", coin="BTC/bitcoin")
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert answer.url == f"/cryptopay/checkout/{invoice.pk}/"
    order.refresh_from_db()
    assert order.status == "paid"


def test_the_receiver_of_the_readme_has_an_answer_for_an_order_that_is_gone(
    shop: Shop, cryptopay_sandbox: Any
) -> None:
    for signal in SIGNALS.values():
        signal.receivers = []
    files = {block.file: block for block in blocks(ROOT / "README.md", "python")}
    shop.run(files["shop/cryptopay_handlers.py"])
    order = Order.objects.create(customer=User.objects.create(username="ada"), amount=20, ship_to="Ada")
    invoice = create_invoice(order, price_amount=20, price_currency="EUR", pay_currency="BTC")
    order.delete()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    assert not invoice.events.filter(delivered_at=None).exists()


def test_the_view_of_the_readme_has_an_answer_for_a_gateway_that_is_down(shop: Shop, rf: Any, settings: Any) -> None:
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: UNREACHABLE)
    files = {block.file: block for block in blocks(ROOT / "README.md", "python")}
    views = shop.run(files["shop/views.py"])
    ada = User.objects.create(username="ada")
    order = Order.objects.create(customer=ada, amount=20, ship_to="Ada")
    for request in (rf.get("/"), rf.post("/", {"coin": "BTC/bitcoin"})):
        request.user = ada

        answer = views.PayOrder.as_view()(request, reference=order.reference)

        assert answer.status_code in (200, 503)
