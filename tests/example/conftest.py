"""The example shop, stocked, with a customer who is logged in. The gateway is the sandbox, in process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from cryptopay_django import handlers
from cryptopay_django.testing.inprocess import InProcessSandbox
from example_project.shop.cryptopay_handlers import ship_order
from example_project.shop.models import Order, TopUp


@pytest.fixture(autouse=True)
def shop(settings, tmp_path, db, cryptopay_sandbox: InProcessSandbox) -> None:
    settings.ROOT_URLCONF = "example_project.config.urls"
    settings.LOGIN_URL = "shop:login"
    settings.LOGIN_REDIRECT_URL = "shop:account"
    settings.SHOP_OUTBOX = tmp_path / "outbox"
    call_command("seed_shop", verbosity=0)


@pytest.fixture(autouse=True)
def warehouse() -> Iterator[None]:
    handlers.on_invoice_completed(ship_order)
    yield
    handlers.unregister(ship_order)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="ada-demo", first_name="Ada")


@pytest.fixture
def browser(ada: User, client: Client) -> Client:
    client.force_login(ada)
    return client


@pytest.fixture
def buy(browser: Client) -> Callable[..., Any]:
    """Buy two mugs (33.00 EUR) on the pages, up to the redirect to the payment page; or pay with the balance."""

    def buy(coin: str = "BTC/bitcoin", quantity: int = 2) -> Any:
        browser.post("/cart/enamel-mug/", {"quantity": quantity})
        how = {"from_balance": "1"} if coin == "balance" else {}
        page = browser.post("/checkout/", {"name": "Ada Lovelace", "address": "London", **how})["Location"]
        if not how:
            browser.post(page, {"coin": coin})
        return Order.objects.latest("pk")

    return buy


@pytest.fixture
def top_up(browser: Client) -> Callable[..., Any]:
    def top_up(amount: str = "50", coin: str = "BTC/bitcoin") -> Any:
        page = browser.post("/balance/", {"amount": amount})["Location"]
        browser.post(page, {"coin": coin})
        return TopUp.objects.latest("pk")

    return top_up


@pytest.fixture
def settle(cryptopay_sandbox: InProcessSandbox) -> Callable[..., None]:
    """Pay an invoice, confirm the payment, and deliver the callbacks."""

    def settle(invoice, factor: str = "1", **kwargs) -> None:
        cryptopay_sandbox.pay(invoice, factor=factor, **kwargs)
        cryptopay_sandbox.confirm(invoice)
        cryptopay_sandbox.deliver()

    return settle


@pytest.fixture
def shipments(settings) -> Callable[[], list[str]]:
    """The keys of the shipment requests so far."""
    return lambda: sorted(path.stem for path in settings.SHOP_OUTBOX.glob("*"))
