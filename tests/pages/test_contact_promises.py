"""Who writes to whom, and by when: only what the shop has promised in its settings, and no address to strangers."""

from __future__ import annotations

import pytest

from tests.pages.states import STATES

pytestmark = pytest.mark.django_db

DECIDED = {"underpaid", "overpaid", "late", "held", "review", "review-unpaid", "review-short"}
PROMISES = ("will write to you", "you get an answer", "You get an e-mail")


def page(client, made):
    return client.get(f"/cryptopay/checkout/{made.pk}/").text


def with_address(name):
    made = STATES[name]()
    type(made).objects.filter(pk=made.pk).update(payer_email="ada@example.org")
    return made


@pytest.mark.parametrize("name", STATES)
def test_without_a_setting_nothing_is_promised(name, client):
    text = page(client, with_address(name))

    assert not any(promise in text for promise in PROMISES)


@pytest.mark.parametrize("name", STATES)
def test_each_state_says_who_writes_to_whom_by_when(name, client, settings):
    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 2
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    text = page(client, with_address(name))

    assert ("The shop will write to you at \u2066a***@example.org\u2069 within 2 days." in text) is (name in DECIDED)
    assert "If you write to the shop, you get an answer within 2 days." in text
    assert "ada@example.org" not in text


def test_without_the_customers_address_the_customer_writes(client, settings):
    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 1
    made = STATES["held"]()
    assert not any(promise in page(client, made) for promise in PROMISES), "to whom?"

    settings.CRYPTOPAY_SUPPORT_URL = "https://shop.example/help/"
    assert "If you write to the shop, you get an answer within 1 day." in page(client, made)


def test_a_shop_that_mails_the_outcome_says_so(client, settings):
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["paid"]
    made = with_address("held")
    assert not any(promise in page(client, made) for promise in PROMISES), "a refund would not be told"

    settings.CRYPTOPAY_CUSTOMER_MAILS = ["paid", "refunded"]
    assert "You get an e-mail at \u2066a***@example.org\u2069 when it is decided." in page(client, made)


@pytest.mark.parametrize("name", STATES)
def test_a_shop_that_mails_the_receipt_says_so_while_the_network_confirms(name, client, settings):
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["paid"]

    text = page(client, with_address(name))

    said = "You get an e-mail at \u2066a***@example.org\u2069 when it is complete."
    assert (said in text) is (name in ("seen", "confirmed"))


@pytest.mark.parametrize("name", STATES)
def test_without_a_promise_the_page_says_where_the_decision_is_seen(name, client, settings):
    said = "You can come back to this page at any time"
    assert (said in page(client, with_address(name))) is (name in DECIDED)

    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 2
    assert said not in page(client, with_address(name))


def test_the_shops_own_function_names_the_address(client, settings):
    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 2
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = lambda invoice: "bea@shop.example"

    assert "b***@shop.example" in page(client, STATES["held"]())


def test_a_function_that_fails_costs_the_sentence_and_not_the_page(client, settings, caplog):
    settings.CRYPTOPAY_ANSWER_WITHIN_DAYS = 2
    settings.CRYPTOPAY_CUSTOMER_ADDRESS = lambda invoice: 1 / 0

    text = page(client, STATES["held"]())

    assert "Your payment is being checked" in text
    assert not any(promise in text for promise in PROMISES)
    assert "CRYPTOPAY_CUSTOMER_ADDRESS failed" in caplog.text
