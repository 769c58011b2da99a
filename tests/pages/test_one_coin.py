"""A view that offers one coin only: the customer goes on without a choice, or chooses among its networks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache

from cryptopay_django.models import Invoice
from tests.pages.urls import PayGroup
from tests.wire import UNREACHABLE, ScriptedGateway

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(settings, cryptopay_sandbox):
    cache.clear()
    settings.ROOT_URLCONF = "tests.pages.urls"


@pytest.fixture
def ask(rf):
    """Open the page of the order, or send its form, and return the answer."""

    def ask(method="get", *, data=None, **view):
        order, _ = Group.objects.get_or_create(name="49.90")
        return PayGroup.as_view(**view)(getattr(rf, method)("/", data), pk=order.pk)

    return ask


def test_a_coin_with_one_network_is_not_asked_for(ask):
    answer = ask(pay_currency="TON")

    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/cryptopay/checkout/{invoice.pk}/"
    assert (invoice.pay_currency, invoice.network) == ("TON", "ton")


def test_a_named_network_is_not_asked_for(ask):
    ask(pay_currency="USDT", network="tron")

    assert Invoice.objects.get().network == "tron"


def test_of_a_coin_with_several_networks_the_network_is_asked_for(ask):
    page = ask(pay_currency="USDT").text

    assert 'value="USDT/tron"' in page
    assert 'value="USDT/ethereum"' in page
    assert "BTC" not in page
    assert not Invoice.objects.exists()


def test_another_coin_cannot_be_sent(ask):
    answer = ask("post", data={"coin": "BTC/bitcoin"}, pay_currency="USDT")

    assert answer.status_code == 400
    assert not Invoice.objects.exists()


def test_a_gateway_that_is_down_is_said_on_the_page(ask, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: UNREACHABLE)

    answer = ask(pay_currency="TON")

    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_a_creation_that_fails_is_said_on_the_page(ask, cryptopay_sandbox):
    ask(pay_currency="USDT")  # the coins are known from now on
    cryptopay_sandbox.fail_next("error", count=9)

    answer = ask(pay_currency="TON")

    assert answer.status_code == 503
    assert "TON" in answer.text
    assert "does not answer" in answer.text
