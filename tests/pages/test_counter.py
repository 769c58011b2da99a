"""The counter: staff type an amount, the customer scans, and the page says what comes of it, without guessing."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from cryptopay_django.models import Invoice, PaymentLink
from cryptopay_django.pages import counter
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.qr import qr_svg
from cryptopay_django.services import create_payment_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cryptopay_sandbox")]

KEYPAD = "/cryptopay/counter/"
EVIL = '"><script>alert(1)</script>'


def staff(*permissions: str, is_staff: bool = True, **options) -> Client:
    user = User.objects.create(username=f"user-{User.objects.count()}", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def clerk() -> Client:
    return staff("view_paymentlink", "add_paymentlink", "change_paymentlink")


def typed(clerk: Client, amount: str = "12,50", **values):
    """Type an amount, and press the button."""
    return clerk.post(KEYPAD, {"amount": amount, "currency": "EUR", **values})


@pytest.fixture
def page(clerk):
    """The path of the page that shows the code for 12.50 EUR."""
    return typed(clerk)["Location"]


def choose(client: Client, link: PaymentLink) -> Invoice:
    """Open the link on the customer's phone, and choose a coin."""
    client.get(f"/cryptopay/pay/{link.token}/")
    client.post(f"/cryptopay/pay/{link.token}/", {"coin": "BTC/bitcoin"})
    return Invoice.objects.latest("created_at")


def test_an_amount_becomes_a_link_that_is_paid_once_and_soon(clerk, settings):
    answer = typed(clerk, description="Two coffees")

    link = PaymentLink.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/cryptopay/counter/{link.pk}/")
    assert (link.price_amount, link.price_currency, link.kind) == (Decimal("12.5"), "EUR", "counter")
    assert (link.is_reusable, link.description, link.actor) == (False, "Two coffees", "user-0")
    assert timedelta(minutes=25) < link.expires_at - timezone.now() <= timedelta(minutes=30)
    page = clerk.get(answer["Location"]).text
    assert "12.50\u00a0EUR" in page
    assert "Two coffees" in page
    assert qr_svg(f"http://testserver/cryptopay/pay/{link.token}/", "QR code of the payment page") in page
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"
    code = qr_svg(f"https://shop.example/cryptopay/pay/{link.token}/", "QR code of the payment page")
    assert code in clerk.get(answer["Location"]).text


def test_the_page_follows_the_payment_to_its_end(clerk, page, client, cryptopay_sandbox):
    link = PaymentLink.objects.get()
    seen = []

    def look() -> str:
        text = clerk.get(page).text
        state = clerk.get(f"{page}status/").json()["state"]
        assert f'data-state="{state}"' in text
        seen.append((state, "<svg" in text, re.search(r'data-watch="(\w+)"', text)[1]))
        return text

    assert "Scan this code with your phone" in look()
    client.get(f"/cryptopay/pay/{link.token}/")
    assert "The payment page is open" in look()
    invoice = choose(client, link)
    assert "Waiting for the payment" in look()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()
    assert "Payment seen" in look()
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    paid = look()

    assert "Thank you. Your payment is complete." in paid
    assert f'data-cp-back="{KEYPAD}?currency=EUR"' in paid
    assert seen == [
        ("open", True, "live"),
        ("opened", True, "live"),
        ("paying", True, "live"),
        ("seen", False, "live"),
        ("completed", False, "no"),
    ]


@pytest.mark.parametrize(
    ("factor", "risk", "state"), [("1.5", "low", "overpaid"), ("0.5", "low", "underpaid"), ("1", "high", "held")]
)
def test_what_is_not_as_ordered_is_for_staff_and_never_called_paid(
    clerk, page, client, cryptopay_sandbox, factor, risk, state
):
    invoice = choose(client, PaymentLink.objects.get())
    cryptopay_sandbox.pay(invoice, factor=factor, risk=risk)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()

    text = clerk.get(page).text

    assert f'data-state="{state}"' in text
    assert "Staff decide about it in the admin." in text
    assert f"/admin/cryptopay_django/paymentlink/{PaymentLink.objects.get().pk}/change/" in text
    assert "data-cp-back" not in text
    assert 'data-watch="slow"' in text


def test_a_part_is_waited_for(clerk, page, client, cryptopay_sandbox):
    invoice = choose(client, PaymentLink.objects.get())
    cryptopay_sandbox.pay(invoice, factor="0.5")
    cryptopay_sandbox.deliver()

    text = clerk.get(page).text

    assert "Your phone shows what is missing." in text
    assert 'data-watch="live"' in text


def test_an_amount_is_cancelled_and_the_keypad_comes_back(clerk, page, client):
    link = PaymentLink.objects.get()

    answer = clerk.post(page)

    assert (answer.status_code, answer["Location"]) == (303, f"{KEYPAD}?currency=EUR")
    assert "This amount was cancelled" in clerk.get(page).text
    assert "This link is no longer valid" in client.get(f"/cryptopay/pay/{link.token}/").text


def test_an_amount_that_nobody_paid_expires(clerk, page):
    PaymentLink.objects.update(expires_at=timezone.now())

    text = clerk.get(page).text

    assert "The time is up" in text
    assert "<svg" not in text


def test_a_rate_that_expired_can_be_renewed_with_the_same_code(clerk, page, client):
    choose(client, PaymentLink.objects.get())
    Invoice.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    text = clerk.get(page).text

    assert 'data-state="opened"' in text
    assert "<svg" in text


@pytest.mark.parametrize("amount", ["", "0", "-1", "x", "1.005", "1 000", EVIL, "9" * 80])
def test_an_amount_that_is_not_possible_is_asked_again(clerk, amount):
    answer = typed(clerk, amount)

    assert (answer.status_code, PaymentLink.objects.count()) == (200, 0)
    assert "Please enter an amount that is possible here" in answer.text
    assert EVIL not in answer.text


def test_a_text_that_is_too_long_is_asked_again(clerk):
    answer = typed(clerk, description="x" * 300)

    assert "This text is too long." in answer.text
    assert 'value="12,50"' in answer.text


def test_the_currencies_are_those_of_the_setting(clerk, settings):
    settings.CRYPTOPAY_COUNTER_CURRENCIES = ["CHF", "EUR"]

    assert "<option selected>EUR</option>" in clerk.get(KEYPAD, {"currency": "EUR"}).text
    assert "<option selected>CHF</option>" in clerk.get(KEYPAD).text
    typed(clerk, currency="RUB")
    typed(clerk, currency="EUR")

    assert list(PaymentLink.objects.order_by("created_at").values_list("price_currency", flat=True)) == ["CHF", "EUR"]


def test_a_mistake_in_the_settings_is_said_and_logged(clerk, monkeypatch, caplog, settings):
    settings.CRYPTOPAY_ACCOUNTS = {"shop": settings.CRYPTOPAY_ACCOUNTS["default"]}

    answer = typed(clerk)

    assert (answer.status_code, "Payments are not possible at the moment." in answer.text) == (200, True)
    assert "there is no account 'default'" in caplog.text


def test_the_last_amounts_say_whether_they_are_paid(clerk, client, cryptopay_sandbox, page):
    invoice = choose(client, PaymentLink.objects.get())
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    typed(clerk, "3")
    create_payment_link(actor="ada", price_currency="EUR", price_amount="77")

    text = " ".join(re.sub(r"<[^>]*>|\s+", " ", clerk.get(KEYPAD).text.partition("Last amounts")[2]).split())

    assert re.match(r"3\.00 EUR .*? Not paid 12\.50 EUR .*? Paid ", text)
    assert "77" not in text


def test_the_keypad_is_for_staff_who_may_make_links(page):
    for path in (KEYPAD, page, f"{page}status/"):
        anonymous = Client().get(path)
        assert (anonymous.status_code, anonymous["Location"]) == (302, f"/admin/login/?next={path}")
        customer = staff("view_paymentlink", "add_paymentlink", is_staff=False).get(path)
        assert (customer.status_code, customer["Location"]) == (302, f"/admin/login/?next={path}")
        assert staff("view_paymentlink").get(path).status_code == 403
        assert staff("add_paymentlink").get(path).status_code == 403


def test_a_crafted_post_needs_the_permission_and_the_token(page):
    link = PaymentLink.objects.get()
    assert staff("view_paymentlink").post(KEYPAD, {"amount": "1"}).status_code == 403
    assert staff("view_paymentlink", "add_paymentlink").post(page).status_code == 403
    clerk = staff("view_paymentlink", "add_paymentlink", "change_paymentlink", enforce_csrf_checks=True)
    assert clerk.post(KEYPAD, {"amount": "1"}).status_code == 403
    assert clerk.post(page).status_code == 403

    link.refresh_from_db()
    assert (PaymentLink.objects.count(), link.cancelled_at) == (1, None)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', clerk.get(KEYPAD).text)[1]
    assert clerk.post(KEYPAD, {"amount": "1", "csrfmiddlewaretoken": token}).status_code == 303


def test_a_permission_that_is_taken_away_meanwhile_counts(monkeypatch, page):
    clerk = staff("view_paymentlink")
    monkeypatch.setattr(counter, "may", lambda *_: True)

    assert (typed(clerk).status_code, clerk.post(page).status_code) == (403, 403)
    assert PaymentLink.objects.get().cancelled_at is None


def test_other_links_have_no_page_at_the_counter(clerk):
    for link in (
        create_payment_link(actor="ada", price_currency="EUR", price_amount="1"),
        create_payment_link(actor="ada", price_currency="EUR", kind="counter", is_reusable=True),
    ):
        assert clerk.get(f"{KEYPAD}{link.pk}/").status_code == 404


def test_an_unchanged_state_is_not_sent_again(clerk, page):
    first = clerk.get(f"{page}status/")

    assert clerk.get(f"{page}status/", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert f'data-etag="{first["ETag"]}"'.replace('W/"', "W/&quot;").replace('""', '&quot;"') in clerk.get(page).text
    assert "<html" not in clerk.get(page, {"part": "panel"}).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_stays(clerk, language):
    answer = clerk.post(f"{KEYPAD}?lang={language}", {"amount": "5"})

    assert answer["Location"].endswith(f"/?lang={language}")
    assert f'<html lang="{language}"' in clerk.get(answer["Location"]).text
    assert clerk.post(answer["Location"])["Location"] == f"{KEYPAD}?lang={language}&currency=EUR"


def test_a_project_without_an_admin_uses_its_own_login(settings):
    settings.ROOT_URLCONF = "tests.pages.urls"
    settings.LOGIN_URL = "/login/"

    assert Client().get(KEYPAD)["Location"] == f"/login/?next={KEYPAD}"


def test_what_the_address_of_the_login_asks_for_stays(settings):
    settings.ROOT_URLCONF = "tests.pages.urls"
    settings.LOGIN_URL = "/login/?for=staff"

    assert Client().get(f"{KEYPAD}?lang=de")["Location"] == f"/login/?for=staff&next={KEYPAD}%3Flang%3Dde"


def test_forms_of_the_counter_are_sent_with_an_origin(clerk):
    page = clerk.get(KEYPAD)

    assert (page["Referrer-Policy"], page["X-Frame-Options"]) == ("same-origin", "DENY")
    assert "no-store" in page["Cache-Control"]
