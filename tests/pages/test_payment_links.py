"""The page of a payment link: opening makes nothing, the price is the link's, one invoice however often it is pressed."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from cryptopay_django.models import Invoice, PaymentLink, PaymentLinkUse
from cryptopay_django.pages.payment_link import read_amount
from cryptopay_django.services import cancel_payment_link, create_payment_link
from cryptopay_django.services.payment_links import use as using
from cryptopay_django.services.payment_links.use import new_key
from tests.wire import TIMED_OUT, ScriptedGateway

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cryptopay_sandbox")]

EVIL = '"><script>alert(1)</script>'


def link_for(amount: str | None = "49.90", **values) -> PaymentLink:
    return create_payment_link(**{"actor": "ada", "price_currency": "EUR", "price_amount": amount} | values)


def path_of(link: PaymentLink, *more: str) -> str:
    return "/".join(["/cryptopay/pay", link.token, *more, ""])


def press(client: Client, link: PaymentLink, coin: str = "BTC/bitcoin", *more: str, **values):
    """Press the button on the page of a link."""
    return client.post(path_of(link, *more), {"coin": coin, **values})


def key_in(page: str) -> str:
    return re.search(r'name="key" value="([\w-]+)"', page)[1]


def expire(sandbox) -> None:
    """Let the rate of every invoice expire, by the gateway's clock and ours."""
    sandbox.advance(minutes=11)
    Invoice.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def finish(sandbox, invoice: Invoice, factor: str = "1") -> None:
    sandbox.pay(invoice, factor=factor)
    sandbox.confirm(invoice)
    sandbox.deliver()


def test_opening_shows_the_price_and_the_coins_and_makes_nothing(client):
    link = link_for(description="Workshop")

    for _ in range(2):
        page = client.get(path_of(link))
    client.head(path_of(link))
    client.get(path_of(link), {"lang": "de"})

    assert 'Payment of <bdi dir="ltr">49.90\u00a0EUR</bdi>' in page.text
    assert "<bdi>Workshop</bdi>" in page.text
    assert re.search(r"≈\u00a00\.00\d+\u00a0BTC", page.text)
    assert not Invoice.objects.exists()
    assert not PaymentLinkUse.objects.exists()
    link.refresh_from_db()
    assert (link.opened_count, link.opened_at is not None) == (2, True)


def test_choosing_a_coin_makes_the_invoice_and_leads_to_its_page(client):
    link = link_for(description="Workshop")

    answer = press(client, link, "USDT/tron")

    invoice = Invoice.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/cryptopay/checkout/{invoice.pk}/")
    assert invoice.order.link == link
    assert (invoice.price_amount, invoice.price_currency) == (Decimal("49.9"), "EUR")
    assert (invoice.pay_currency, invoice.network, invoice.description) == ("USDT", "tron", "Workshop")
    assert invoice.metadata == {"payment_link": str(link.pk)}
    assert 'value="USDT/tron" checked' in client.get(path_of(link)).text


def test_the_language_of_the_page_stays(client):
    answer = client.post(f"{path_of(link_for())}?lang=de", {"coin": "BTC/bitcoin"})

    assert answer["Location"].endswith("/?lang=de")


def test_a_price_from_the_browser_is_not_read(client):
    press(client, link_for(), amount="0.01", price_amount="0.01", price_currency="RUB", account="second")

    invoice = Invoice.objects.get()
    assert (invoice.price_amount, invoice.price_currency, invoice.account) == (Decimal("49.9"), "EUR", "default")


def test_pressing_twice_and_from_two_browsers_makes_one_invoice_of_a_link_for_one_use(client):
    link = link_for()

    places = {press(one, link, key=new_key())["Location"] for one in (client, client, Client())}

    assert len(places) == 1
    assert (Invoice.objects.count(), PaymentLinkUse.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite lets one transaction write at a time")
def test_browsers_that_press_at_once_get_one_invoice():
    link, places = link_for(), []
    start = threading.Barrier(6)

    def run():
        start.wait()
        try:
            places.append(press(Client(), link)["Location"])
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(places), len(set(places)), Invoice.objects.count()) == (6, 1, 1)


def test_a_paid_link_for_one_use_shows_its_payment_and_makes_no_other(client, cryptopay_sandbox):
    link = link_for()
    place = press(client, link)["Location"]
    finish(cryptopay_sandbox, Invoice.objects.get())
    cancel_payment_link(link, actor="ada")

    opened = client.get(path_of(link))
    again = press(client, link, "ETH/ethereum")

    assert (opened["Location"], again["Location"]) == (place, place)
    page = client.get(place).text
    assert "Thank you. Your payment is complete." in page
    assert "/receipt/" in page
    assert Invoice.objects.count() == 1


def test_an_expired_invoice_is_renewed_at_the_rate_of_that_moment(client, cryptopay_sandbox):
    link = link_for()
    place = press(client, link)["Location"]
    assert path_of(link) not in client.get(place).text
    expire(cryptopay_sandbox)

    page = client.get(place).text
    renewed = press(client, link)["Location"]

    assert f'href="{path_of(link)}"' in page
    assert "I have not: pay at today’s rate" in page
    assert renewed != place
    assert {invoice.order for invoice in Invoice.objects.all()} == {PaymentLinkUse.objects.get()}


def test_a_renewal_of_a_reusable_link_is_for_the_same_payment(client, cryptopay_sandbox):
    link = link_for(is_reusable=True)
    place = press(client, link, key=(key := new_key()))["Location"]
    expire(cryptopay_sandbox)
    assert f'href="{path_of(link, key)}"' in client.get(place).text

    page = client.get(path_of(link, key)).text
    assert f"{path_of(link, key)}?lang=en" in page
    press(client, link, "BTC/bitcoin", key)
    renewed = Invoice.objects.latest("created_at")
    finish(cryptopay_sandbox, renewed)

    assert PaymentLinkUse.objects.get().pk == key
    assert Invoice.objects.count() == 2
    assert client.get(path_of(link, key))["Location"] == f"/cryptopay/checkout/{renewed.pk}/"
    assert client.get(path_of(link)).status_code == 200


def test_the_shops_own_function_is_not_asked_about_invoices_of_links(client, cryptopay_sandbox, settings):
    asked = []
    settings.CRYPTOPAY_NEW_INVOICE_URL = asked.append
    place = press(client, link_for())["Location"]
    expire(cryptopay_sandbox)

    assert client.get(place).status_code == 200
    assert asked == []


def test_each_payment_by_a_reusable_link_is_an_order_of_its_own(client, cryptopay_sandbox):
    link = link_for(is_reusable=True)
    keys = [key_in(client.get(path_of(link)).text) for _ in range(2)]
    places = [press(client, link, key=key)["Location"] for key in keys]
    assert press(client, link, key=keys[0])["Location"] == places[0]
    finish(cryptopay_sandbox, Invoice.objects.get(order_object_id=keys[0]))

    assert len(set(places)) == 2
    assert client.get(path_of(link)).status_code == 200
    assert press(client, link, key=keys[0])["Location"] == places[0]
    assert PaymentLinkUse.objects.count() == 2


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (
            {"least_amount": "5", "most_amount": "1000"},
            "From \u20665.00\u00a0EUR\u2069 to \u20661,000.00\u00a0EUR\u2069.",
        ),
        ({"least_amount": "5"}, "At least \u20665.00\u00a0EUR\u2069."),
        ({"most_amount": "5"}, "At most \u20665.00\u00a0EUR\u2069."),
    ],
)
def test_the_bounds_are_said(client, bounds, text):
    assert text in client.get(path_of(link_for(None, **bounds))).text


@pytest.mark.parametrize(("typed", "amount"), [("25", "25"), (" 12,50 ", "12.5"), ("12.5", "12.5"), ("007", "7")])
def test_the_customer_chooses_the_amount(client, typed, amount):
    link = link_for(None, least_amount="5", kind="donation", is_reusable=True)
    page = client.get(path_of(link)).text
    assert "Your donation" in page

    press(client, link, key=key_in(page), amount=typed)

    assert Invoice.objects.get().price_amount == Decimal(amount)


@pytest.mark.parametrize("typed", ["", "4.99", "x", "-7", "1e3", "1.250", "1,250.00", "1 000", "٥٠", "9" * 50, EVIL])
def test_an_amount_that_is_not_possible_is_asked_again(client, typed):
    answer = press(client, link_for(None, least_amount="5"), amount=typed)

    assert (answer.status_code, Invoice.objects.count(), PaymentLinkUse.objects.count()) == (200, 0, 0)
    assert "Please enter an amount that is possible here" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="BTC/bitcoin" checked' in answer.text
    assert EVIL not in answer.text


def test_a_currency_without_decimal_places_takes_none(client):
    link = link_for(None, price_currency="JPY")

    assert "Please enter an amount" in press(client, link, amount="1.5").text
    press(client, link, amount="1500")

    assert Invoice.objects.get().price_amount == 1500


def test_both_separators_are_read():
    assert [read_amount(text) for text in ("1,5", "1.5", "15", ",5", "5,", "1,2,3")] == [
        "1.5",
        "1.5",
        "15",
        "",
        "",
        "",
    ]


def test_the_chosen_amount_is_kept_while_a_coin_is_missing(client):
    answer = press(client, link_for(None), "", amount="25")

    assert "Please choose one of these coins." in answer.text
    assert 'value="25"' in answer.text
    assert not PaymentLinkUse.objects.exists()


@pytest.mark.parametrize("coin", ["", "BTC", "BTC/tron", "x" * 10_000, EVIL])
def test_a_coin_that_is_not_offered_is_asked_again(client, coin):
    answer = press(client, link_for(), coin)

    assert (answer.status_code, Invoice.objects.count()) == (200, 0)
    assert "Please choose one of these coins." in answer.text
    assert EVIL not in answer.text


def over(link: PaymentLink, how: str, settings) -> None:
    if how == "expired":
        PaymentLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "cancelled":
        cancel_payment_link(link, actor="ada")
    else:
        account = settings.CRYPTOPAY_ACCOUNTS["default"]
        settings.CRYPTOPAY_ACCOUNTS = {"default": {**account, "BASE_URL": "https://business.cryptopay.me"}}


@pytest.mark.parametrize(
    ("how", "title"),
    [
        ("expired", "This link has expired"),
        ("cancelled", "This link is no longer valid"),
        ("elsewhere", "This link is no longer valid"),
    ],
)
def test_a_link_that_is_over_takes_nothing(client, settings, how, title):
    link = link_for(expires_at=timezone.now() + timedelta(days=1))
    assert "Link valid until" in client.get(path_of(link)).text
    over(link, how, settings)

    opened, pressed = client.get(path_of(link)), press(client, link)

    assert (opened.status_code, pressed.status_code) == (200, 200)
    assert title in opened.text
    assert title in pressed.text
    assert not Invoice.objects.exists()


def test_a_link_that_ends_between_opening_and_pressing_takes_nothing(client, monkeypatch):
    link = link_for()
    monkeypatch.setattr("cryptopay_django.pages.payment_link.check_payment_link", lambda link: None)
    cancel_payment_link(link, actor="ada")

    assert "This link is no longer valid" in press(client, link).text
    assert not PaymentLinkUse.objects.exists()


def test_a_guessed_link_is_not_found(client):
    link = link_for()
    for path in ("/cryptopay/pay/guessed/", f"/cryptopay/pay/{link.pk}/", f"/cryptopay/pay/{link.token[:-1]}/"):
        for answer in (client.get(path), client.post(path, {"coin": "BTC/bitcoin"})):
            assert answer.status_code == 404
            assert "This link is not valid" in answer.text


def test_too_many_payments_at_once_are_asked_to_wait(client, monkeypatch):
    monkeypatch.setattr(using, "_USES", 1)
    link = link_for(is_reusable=True)
    press(client, link)

    answer = press(client, link)

    assert (answer.status_code, "Please wait a moment" in answer.text) == (200, True)
    assert Invoice.objects.count() == 1


def test_one_payment_cannot_use_up_the_calls_of_the_account(client):
    link = link_for(None)

    answers = [press(client, link, amount=str(10 + number)) for number in range(13)]

    assert [answer.status_code for answer in answers] == [302] * 12 + [200]
    assert "The payment service does not answer." in answers[-1].text
    assert Invoice.objects.count() == 12


def test_a_gateway_that_does_not_answer_leaves_the_form(client, settings):
    link = link_for()
    client.get(path_of(link))  # the coins are known now
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.05
    gateway = ScriptedGateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway

    answer = press(client, link)

    assert (answer.status_code, "The payment service does not answer." in answer.text) == (200, True)
    assert 'value="BTC/bitcoin" checked' in answer.text


def test_coins_that_cannot_be_listed_are_said(client, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.05
    gateway = ScriptedGateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway

    answer = client.get(path_of(link_for()))

    assert answer.status_code == 200
    assert "The coins cannot be listed at the moment." in answer.text


def test_a_database_that_is_too_busy_to_count_does_not_take_the_page_away(client, monkeypatch):
    link = link_for()

    def refuse(execute, sql, *more):
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *more)

    with connection.execute_wrapper(refuse):
        answer = client.get(path_of(link))

    assert answer.status_code == 200
    link.refresh_from_db()
    assert link.opened_count == 0


def test_the_page_needs_no_session_and_cannot_be_framed_cached_or_indexed(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    client = Client(enforce_csrf_checks=True)
    page = client.get(path_of(link_for()))

    assert (page["X-Frame-Options"], page["Cache-Control"]) == ("DENY", "no-store, private")
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex, nofollow", "no-referrer")
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert not page.cookies
    assert press(client, link_for()).status_code == 302


def test_what_staff_wrote_is_escaped_and_what_is_for_staff_is_not_shown(client):
    page = client.get(path_of(link_for(description=EVIL, reference="for-staff", actor="ada-the-clerk"))).text

    assert EVIL not in page
    assert "for-staff" not in page
    assert "ada-the-clerk" not in page


def test_the_shop_can_be_asked(client, settings):
    settings.CRYPTOPAY_SHOP_NAME, settings.CRYPTOPAY_SUPPORT_EMAIL = "Tern & Tide", "help@shop.example"
    link = link_for()
    opened = client.get(path_of(link)).text
    cancel_payment_link(link, actor="ada")

    for page in (opened, client.get(path_of(link)).text):
        assert "Tern &amp; Tide" in page
        assert "mailto:help@shop.example" in page
        assert str(link.pk) in page
