"""The state as JSON: one query, 304 for those who know it, and "I have sent it"."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice
from cryptopay_django.testing.factories import PaymentFactory
from tests.pages.states import PAST, STATES, invoice
from tests.wire import ScriptedGateway, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


def status_url(made: Invoice) -> str:
    return reverse("cryptopay_django:invoice-status", args=[made.pk])


def page_url(made: Invoice) -> str:
    return reverse("cryptopay_django:checkout", args=[made.pk])


@pytest.mark.parametrize("name", ["waiting", "completed", "review-short"])
def test_the_state_is_one_query_away(name, client, django_assert_num_queries):
    made = STATES[name]()

    with django_assert_num_queries(1):
        answer = client.get(status_url(made))

    assert answer.json()["state"] == name.partition("-")[0]
    assert "seconds_left" in answer.json()


@pytest.mark.parametrize("name", ["waiting", "completed", "review-short"])
def test_who_knows_it_is_told_so_with_one_query_and_no_body(name, client, django_assert_num_queries):
    made = STATES[name]()
    etag = client.get(status_url(made))["ETag"]

    with django_assert_num_queries(1):
        answer = client.get(status_url(made), headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)


def test_an_etag_that_lost_its_weakness_on_the_way_still_counts(client):
    made = invoice()
    etag = client.get(status_url(made))["ETag"].removeprefix("W/")

    assert client.get(status_url(made), headers={"If-None-Match": f'"other", {etag}'}).status_code == 304


def test_news_are_told_to_who_knows_the_old_state(client, cryptopay_sandbox):
    made = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
    etag = client.get(status_url(made))["ETag"]
    cryptopay_sandbox.pay(made)
    cryptopay_sandbox.deliver()

    answer = client.get(status_url(made), headers={"If-None-Match": etag})

    assert answer.json()["state"] == "seen"


def test_time_running_out_is_news(client):
    made = invoice()
    etag = client.get(status_url(made))["ETag"]
    Invoice.objects.update(expires_at=timezone.now())

    assert client.get(status_url(made), headers={"If-None-Match": etag}).json()["state"] == "expired"


def test_the_state_cannot_be_posted(client):
    assert client.post(status_url(invoice())).status_code == 405


def test_a_site_that_asks_for_a_login_everywhere_lets_the_customer_in(client, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    made = invoice()

    assert client.get(page_url(made)).status_code == client.get(status_url(made)).status_code == 200


# --- "I have sent it"


@pytest.fixture
def paid_unheard(cryptopay_sandbox):
    """An invoice that is paid at the gateway, expired here, and whose callbacks all went astray."""
    made = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
    cryptopay_sandbox.pay(made)
    cryptopay_sandbox.confirm(made)
    Invoice.objects.filter(pk=made.pk).update(expires_at=timezone.now() + PAST)
    return made


def test_saying_that_it_was_sent_finds_the_payment(client, paid_unheard):
    page = client.post(page_url(paid_unheard), follow=True)

    assert page.redirect_chain[0][1] == 303
    assert 'data-state="completed"' in page.text


def test_saying_it_needs_no_cookie_and_sets_none(paid_unheard):
    client = Client(enforce_csrf_checks=True)

    assert client.post(page_url(paid_unheard)).status_code == 303
    assert not client.cookies


def test_the_script_gets_the_panel_alone_in_its_language(client, paid_unheard):
    panel = client.post(f"{page_url(paid_unheard)}?part=panel&lang=de&next=//evil.example", follow=True)

    assert panel.text.strip().startswith('<div class="cp-panel')
    assert 'lang="de"' in panel.text
    assert "evil" not in panel.redirect_chain[0][0]


def test_when_nothing_is_found_the_page_says_so_and_both_roads_stay_open(client, cryptopay_sandbox):
    made = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
    Invoice.objects.filter(pk=made.pk).update(expires_at=timezone.now() + PAST)

    page = client.post(page_url(made), follow=True).text

    assert "your payment is not visible yet" in page
    assert "I have sent it" in page


@pytest.fixture
def asked(settings):
    """The questions that the gateway gets; it refuses to answer any of them."""
    gateway = ScriptedGateway(lambda *_: refusal(403))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    return gateway.asked


def test_a_gateway_that_does_not_answer_is_no_dead_end(client, asked):
    page = client.post(page_url(invoice(expires_in=PAST)), follow=True).text

    assert "does not answer at the moment" in page
    assert "I have sent it" in page


def test_pressing_it_again_and_again_asks_once(client, asked):
    made = invoice(expires_in=PAST)

    for _ in range(5):
        client.post(page_url(made))

    assert len(asked) == 1


def test_pressing_it_again_claims_no_check_that_has_failed(client, asked):
    made = invoice(expires_in=PAST)

    pages = [client.post(page_url(made), follow=True).text for _ in range(2)]

    assert ["does not answer at the moment" in page for page in pages] == [True, True]
    assert "We have checked" not in pages[1]


def test_what_was_asked_about_a_moment_ago_is_not_asked_again(client, asked):
    client.post(page_url(invoice(expires_in=PAST, polled_at=timezone.now() - timedelta(seconds=5))))
    assert asked == []

    client.post(page_url(invoice(expires_in=PAST, polled_at=timezone.now() - timedelta(minutes=5))))
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["completed", "refunded", "cancelled"])
def test_nobody_asks_about_what_is_over(name, client, asked):
    client.post(page_url(STATES[name]()))

    assert asked == []


def test_a_payment_that_is_confirmed_on_the_network_is_not_yet_paid(client):
    made = invoice(paid_amount=invoice().pay_amount)
    PaymentFactory.create(invoice=made, status="confirmed")

    assert client.get(status_url(made)).json()["state"] == "confirmed"


def test_all_customers_together_leave_calls_for_what_money_waits_for(client, settings):
    # A refusal is not asked about again within a look, and it is looks that are limited.
    gateway = ScriptedGateway(lambda *_: refusal(403))
    settings.CRYPTOPAY_HTTP_ADAPTER, settings.CRYPTOPAY_TOTAL_TIMEOUT = lambda account: gateway, 0.05

    answers = [client.post(page_url(invoice(custom_id=f"order-{number}"))) for number in range(30)]

    assert {answer.status_code for answer in answers} == {303}
    assert len(gateway.asked) <= 25


@pytest.mark.parametrize("backend", ["tests.test_caching.DownCache", "django.core.cache.backends.dummy.DummyCache"])
def test_who_presses_often_asks_once_also_while_the_cache_is_down(backend, client, settings):
    settings.CACHES = {"default": {"BACKEND": backend}}
    gateway = ScriptedGateway(lambda *_: refusal(401, "unauthenticated"))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    made = invoice()

    for _ in range(5):
        assert client.post(page_url(made)).status_code == 303

    assert len(gateway.asked) == 1
