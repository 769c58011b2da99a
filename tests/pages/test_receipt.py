"""The receipt of a payment: there once it is paid or sent back, for everybody who has the link, and as a file."""

from __future__ import annotations

import re
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import translation

from cryptopay_django.models import Invoice
from cryptopay_django.pages import receipt_pdf
from cryptopay_django.pages.counter import keypad
from cryptopay_django.pages.receipt import receipt
from cryptopay_django.permissions import Act, may
from cryptopay_django.testing.factories import RefundFactory
from tests.pages.states import STATES, completed, paid

pytestmark = pytest.mark.django_db

HAVE_RECEIPTS = {"completed", "refunded"}
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def url(made: Invoice) -> str:
    return reverse("cryptopay_django:receipt", args=[made.pk])


def rows(page: str) -> dict[str, str]:
    found = re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", page, flags=re.DOTALL)
    return {name: re.sub(r"<br>.*|<[^>]+>", "", value) for name, value in found}


def test_it_says_what_was_paid_for_what_and_how(client):
    made = completed(fee_amount=Decimal("0.50"), fee_currency="EUR")

    assert rows(client.get(url(made)).text) == {
        "Shop": "Tern &amp; Tide",
        "Payment for": "Order 7QX2M9KD",
        "Receipt number": str(made.pk),
        "Paid on": rows(client.get(url(made)).text)["Paid on"],
        "Price": "100.00\u00a0EUR",
        "Received": "0.001895\u00a0BTC",
        "Rate": "1\u00a0BTC = 52,905.1734\u00a0EUR",
        "Network": "Bitcoin",
        "Transaction": made.payments.get().txid,
        "Counted for your order": "100.00\u00a0EUR",
    }


def test_what_is_not_known_is_left_out(client, settings):
    settings.CRYPTOPAY_SHOP_NAME = ""
    made = paid(status="refunded", name="", description="", network="", exchange_rate=None)
    Invoice.objects.update(finished_at=None)
    RefundFactory.create(invoice=made, amount=Decimal("0.0018"), txid="", address="1Customer", status="succeeded")

    assert list(rows(client.get(url(made)).text)) == [
        "Receipt number", "Price", "Received", "Transaction", "Sent back", "To the address",
    ]  # fmt: skip


def test_there_is_none_before_the_money_has_arrived_or_been_sent_back(client):
    for name, make in STATES.items():
        made = make()
        answer, page = client.get(url(made)), client.get(reverse("cryptopay_django:checkout", args=[made.pk])).text

        if name in HAVE_RECEIPTS:
            assert answer.status_code == 200
        else:
            assert answer["Location"].endswith(f"/checkout/{made.pk}/"), name
        assert (url(made) in page) == (name in HAVE_RECEIPTS), name
    assert client.get(f"/cryptopay/checkout/{'0' * 8}-0000-0000-0000-{'0' * 12}/receipt/").status_code == 404


def test_what_was_sent_back_is_on_it(client):
    made = STATES["refunded"]()
    to_customer = {"invoice": made, "address": "1Customer"}
    RefundFactory.create(amount=Decimal("0.0018"), txid="f" * 64, status="succeeded", **to_customer)
    RefundFactory.create(amount=Decimal("0.0001"), **to_customer)
    RefundFactory.create(amount=Decimal("0.5"), status="failed", **to_customer)

    page = client.get(url(made)).text

    assert "<h1>Receipt: payment sent back</h1>" in page
    assert "\u20660.0018\u00a0BTC\u2069 · " in rows(page)["Sent back"]
    assert "\u20660.0001\u00a0BTC\u2069 · " in rows(page)["Being sent back"]
    assert "f" * 64 in page
    assert "0.5\u00a0BTC" not in page


def test_what_the_shop_took_to_its_own_account_is_no_money_sent_back(client):
    made = STATES["refunded"]()
    RefundFactory.create(invoice=made, status="succeeded")

    page = client.get(url(made)).text

    assert "<h1>Receipt: payment not used</h1>" in page
    assert rows(page)["Refund to you"] == "None so far. Ask the shop."
    assert "Received on" in page
    assert "Paid on" not in page
    assert "It is no proof that the order is paid" in page
    assert "ent back" not in page


def test_the_fee_is_for_staff_who_may_see_invoices(client, django_user_model):
    made = completed(fee_amount=Decimal("0.50"), fee_currency="EUR")
    client.force_login(User.objects.create_user("ada"))
    assert "Fee of" not in client.get(url(made)).text

    client.force_login(User.objects.create_superuser("root"))

    assert rows(client.get(url(made)).text)["Fee of the payment service"] == "0.50\u00a0EUR"


def test_customers_whose_user_model_knows_no_staff_and_no_permissions_see_it_and_no_page_of_staff(rf):
    made, request = completed(fee_amount=Decimal("0.50"), fee_currency="EUR"), rf.get("/")
    request.user = SimpleNamespace(is_active=True, is_authenticated=True)

    assert "Fee of" not in receipt(request, made.pk).text
    assert keypad(request).status_code == 302
    assert not may(request.user, Act.SETTLE)


def test_it_shows_nothing_that_is_not_the_customers_and_breaks_no_strict_policy(client):
    made = completed()
    Invoice.objects.update(metadata={"crm": "vip"}, customer_id="customer-7", payer_email="a@b.example")

    answer = client.get(url(made))

    for private in ("risk", "vip", "customer-7", "a@b.", "SourceAddress", made.custom_id):
        assert private not in answer.text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "nl", "pt"])
def test_as_a_file(language, client):
    made = completed(price_amount=Decimal("12345.67"), description="Bob’s “tea” – 2 cups")
    page = client.get(url(made), {"lang": language}).text
    assert "format=pdf" in page

    answer = client.get(url(made), {"lang": language, "format": "pdf"})

    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-{made.pk}.pdf"'
    assert answer.content.startswith(b"%PDF-")


def test_without_a_font_that_has_the_letters_there_is_no_file(client):
    made = completed()

    assert "format=pdf" not in client.get(url(made), {"lang": "ru"}).text
    assert client.get(url(made), {"lang": "ru", "format": "pdf"}).status_code == 404


@pytest.mark.skipif(not DEJAVU.exists(), reason="no DejaVu fonts here: apt-get install fonts-dejavu-core")
def test_with_a_font_of_the_shops_there_is(client, settings):
    settings.CRYPTOPAY_RECEIPT_FONTS = {"": str(DEJAVU)}
    made = completed()

    assert client.get(url(made), {"lang": "ru", "format": "pdf"}).content.startswith(b"%PDF-")
    assert client.get(url(made), {"lang": "ja", "format": "pdf"}).status_code == 404, "this font has no such letters"


def test_without_the_extra_there_is_no_file(client, monkeypatch):
    made = completed()
    monkeypatch.setattr(
        "cryptopay_django.pages.receipt.find_spec", lambda name: None if name == "fpdf" else find_spec(name)
    )

    assert "format=pdf" not in client.get(url(made)).text
    assert client.get(url(made), {"format": "pdf"}).status_code == 404


def test_letters_from_right_to_left_need_what_joins_them(monkeypatch, settings, tmp_path):
    font = tmp_path / "font.ttf"
    font.touch()
    settings.CRYPTOPAY_RECEIPT_FONTS = {"ar": str(font)}
    monkeypatch.setattr(receipt_pdf, "find_spec", lambda name: None)
    with translation.override("ar"):
        assert not receipt_pdf.can_write("إيصال", [])


def test_a_payment_of_an_unknown_network_has_no_link(client):
    made = paid(status="refunded", is_confirmed=True, network="base")

    assert "Look it up" not in client.get(url(made)).text
