"""The page on which a customer names the address for a refund: without scripts, closed to everybody without the link."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from cryptopay_django.models import RefundLink
from cryptopay_django.pages import refund_link
from cryptopay_django.services import make_refund_link, named_refund_address
from tests.pages.states import unresolved
from tests.services.desk import ADDRESS

pytestmark = pytest.mark.django_db

RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
EVIL = '"><script>alert(1)</script>'


def short(**values):
    return unresolved("underpaid", part="0.5", network="bitcoin", **values)


@pytest.fixture
def link():
    """The path of a link, and its invoice."""
    invoice = short()
    return f"/cryptopay/refund/{make_refund_link(invoice, actor='ada').token}/", invoice


def test_the_customer_enters_compares_and_confirms(client, link):
    path, invoice = link
    page = client.get(path).text
    assert "Where should the coins go?" in page
    assert "0.0009475\u00a0BTC" in page

    compared = client.post(path, {"address": ADDRESS}).text
    assert (ADDRESS in compared, named_refund_address(invoice)) == (True, None)
    done = client.post(path, {"address": ADDRESS, "confirmed": "1"})

    assert (done.status_code, done["Location"].partition("?")[0]) == (303, path)
    named = named_refund_address(invoice)
    assert named
    assert named.address == ADDRESS
    after = client.get(path).text
    assert "Thank you, we have your address" in after
    assert ADDRESS not in after
    assert ADDRESS[:8] in after
    assert f'href="/cryptopay/checkout/{invoice.pk}/?lang=en-us"' in after, "there the customer sees what is sent back"


def test_the_deadline_is_the_same_day_for_every_reader(client, link):
    path, _ = link
    RefundLink.objects.update(expires_at=datetime(2040, 6, 7, 14, 30, tzinfo=UTC))

    assert "7 Jun 2040, 14:30" in client.get(path).text


def test_what_was_entered_can_be_changed_before_it_is_confirmed(client, link):
    path, invoice = link

    page = client.post(path, {"address": ADDRESS, "change": "1"}).text

    assert (ADDRESS in page, "Where should the coins go?" in page) == (True, True)
    assert named_refund_address(invoice) is None


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("", "Please enter your address."),
        ("nonsense", "This is not an address on the network Bitcoin."),
        (EVIL, "This is not an address on the network Bitcoin."),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "1"}])
def test_a_wrong_address_is_explained_and_kept(client, link, address, text, confirmed):
    path, invoice = link

    answer = client.post(path, {"address": address, **confirmed})

    assert (answer.status_code, text in answer.text) == (200, True)
    assert EVIL not in answer.text
    assert named_refund_address(invoice) is None


def test_the_address_that_was_paid_to_is_refused(client, link):
    path, invoice = link

    assert "This is the address that you paid to." in client.post(path, {"address": invoice.address}).text


def test_a_tag_is_asked_for_where_the_network_has_one(client):
    invoice = short(pay_currency="XRP", address="rn7bmpBgwFTXtqsF8vPnXkJXrXcoUqtnmX")
    invoice.network = "ripple"
    type(invoice).objects.update(network="ripple")
    path = f"/cryptopay/refund/{make_refund_link(invoice, actor='ada').token}/"

    assert "Destination tag" in client.get(path).text
    assert "Enter this number" in client.post(path, {"address": RIPPLE, "confirmed": "1"}).text
    both = client.post(path, {"address": "no address", "tag": ""}).text
    assert ("This is not an address" in both, "Enter this number" in both) == (True, True)
    wrong = client.post(path, {"address": RIPPLE, "tag": "7", "without_tag": "on"}).text
    assert "This number does not fit." in wrong
    assert "No number needed" in client.post(path, {"address": RIPPLE, "without_tag": "on"}).text
    client.post(path, {"address": RIPPLE, "tag": "77", "confirmed": "1"})

    named = named_refund_address(invoice)
    assert named
    assert (named.address, named.destination_tag) == (RIPPLE, "77")


def test_without_tags_on_the_network_none_is_taken(client, link):
    path, invoice = link

    client.post(path, {"address": ADDRESS, "tag": "77", "without_tag": "on", "confirmed": "1"})

    named = named_refund_address(invoice)
    assert named
    assert (named.destination_tag, named.without_tag) == ("", False)


def test_a_guessed_link_is_not_found_and_tells_nothing(client, link):
    for method in (client.get, client.post):
        answer = method("/cryptopay/refund/guessed/", {"address": ADDRESS, "confirmed": "1"})

        assert answer.status_code == 404
        assert "This link is not valid" in answer.text
        assert str(link[1].pk) not in answer.text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"expires_at": datetime(2026, 1, 2, tzinfo=UTC)}, "This link has expired"),
        ({"revoked_at": datetime(2026, 1, 2, tzinfo=UTC)}, "This link is no longer valid"),
    ],
)
def test_a_link_that_is_over_takes_nothing(client, link, changes, text):
    path, invoice = link
    RefundLink.objects.update(**changes)

    assert text in client.get(path).text
    assert text in client.post(path, {"address": ADDRESS, "confirmed": "1"}).text
    assert named_refund_address(invoice) is None


def test_after_the_refund_the_link_is_closed(client, link):
    path, invoice = link
    type(invoice).objects.update(status="refunded")

    assert "An address cannot be named now" in client.get(path).text


def test_a_second_answer_changes_nothing(client, link):
    path, invoice = link
    client.post(path, {"address": ADDRESS, "confirmed": "1"})

    again = client.post(path, {"address": "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "confirmed": "1"})

    assert "Thank you, we have your address" in again.text
    named = named_refund_address(invoice)
    assert named
    assert named.address == ADDRESS


def test_the_page_is_private_and_no_answer_to_a_valid_link_is_logged_by_its_path(client, link, caplog, monkeypatch):
    path, _invoice = link
    monkeypatch.setattr(refund_link, "_TRIES", 1)

    answers = [client.get(path), *(client.post(path, {"address": "x"}) for _ in range(3))]

    for answer in answers:
        assert answer.status_code < 400
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store, private"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "<script" not in answer.text
    assert "Please wait a moment" in answers[-1].text
    assert path.split("/")[3] not in caplog.text


def test_it_needs_no_login_no_cookie_and_no_csrf_token(link):
    path, invoice = link

    answer = Client(enforce_csrf_checks=True).post(path, {"address": ADDRESS, "confirmed": "1"})

    assert answer.status_code == 303
    assert not answer.cookies
    assert named_refund_address(invoice)


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "ja", "pt", "ru"])
def test_it_keeps_the_language_from_step_to_step(client, link, language):
    path, _invoice = link

    page = client.get(path, {"lang": language})
    compared = client.post(f"{path}?lang={language}", {"address": ADDRESS})

    for answer in (page, compared):
        assert f'<html lang="{language}"' in answer.text
        assert f"?lang={language}" in answer.text


def test_a_button_leads_there_where_the_setting_says_so(client, settings):
    invoice = short()
    checkout, ask = f"/cryptopay/checkout/{invoice.pk}/", f"/cryptopay/checkout/{invoice.pk}/refund/"
    assert ask not in client.get(checkout).text
    assert client.post(ask).status_code == 404

    settings.CRYPTOPAY_ASK_REFUND_ADDRESS = True

    assert ask in client.get(checkout).text
    page = client.post(ask)
    assert page.status_code == 303
    assert "Where should the coins go?" in client.get(page["Location"]).text
    assert client.get(ask).status_code == 405


@pytest.mark.parametrize("context", ["overpaid", "paid_late", "illicit_resource"])
def test_only_where_the_shop_decides(client, settings, context):
    settings.CRYPTOPAY_ASK_REFUND_ADDRESS = True
    invoice = unresolved(context, network="bitcoin", part="2")

    is_shown = "/refund/" in client.get(f"/cryptopay/checkout/{invoice.pk}/").text
    page = client.post(f"/cryptopay/checkout/{invoice.pk}/refund/")

    assert is_shown == (context != "illicit_resource") == (page.status_code == 303)


def test_who_comes_second_is_refused(client, settings):
    settings.CRYPTOPAY_ASK_REFUND_ADDRESS = True
    invoice = short()
    ask = f"/cryptopay/checkout/{invoice.pk}/refund/"
    client.post(client.post(ask)["Location"], {"address": ADDRESS, "confirmed": "1"})

    answer = client.post(ask)

    assert (answer.status_code, "An address is already named" in answer.text) == (200, True)


def test_an_invoice_that_is_not_there_is_not_found(client, settings):
    settings.CRYPTOPAY_ASK_REFUND_ADDRESS = True

    assert client.post("/cryptopay/checkout/00000000-0000-4000-8000-000000000000/refund/").status_code == 404


def test_without_a_known_amount_none_is_shown(client):
    invoice = short()
    type(invoice).objects.update(status="completed", settled_amount=Decimal(100), status_context="")
    path = f"/cryptopay/refund/{make_refund_link(invoice, actor='ada').token}/"

    assert "before the fee" not in client.get(path).text
