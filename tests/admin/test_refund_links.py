"""Staff make a link, and see what the customer named: on the invoice's page, in the timeline, in the refund form."""

from __future__ import annotations

import re

import pytest

from cryptopay_django.models import RefundLink
from cryptopay_django.services import make_refund_link, name_refund_address
from tests.services.desk import ADDRESS, unresolved
from tests.services.returning import send_back

from .conftest import filled, told

RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"


@pytest.fixture
def client(login):
    return login("finance")


def url_of(desk, invoice):
    return desk.url("invoice_refund-link", invoice.pk)


def test_a_link_is_made_by_post_and_shown_once(client, desk):
    invoice = desk.underpaid()
    url = url_of(desk, invoice)
    assert url.rstrip("/").rpartition("/")[2] in client.get(desk.url("invoice_change", invoice.pk)).text
    assert client.get(url).status_code == 200
    assert not RefundLink.objects.exists()

    page = client.post(url)

    (link,) = re.findall(r'value="(http://testserver/cryptopay/refund/[\w-]+/)"', page.text)
    assert "no-store" in page["Cache-Control"]
    assert client.get(link).status_code == 200
    assert link not in client.get(url).text
    assert RefundLink.objects.get().actor == "finance"
    assert "link for a refund address made" in client.get(desk.url("invoice_change", invoice.pk)).text


def test_the_link_is_below_the_site_url(client, desk, settings):
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"

    assert 'value="https://shop.example/cryptopay/refund/' in client.post(url_of(desk, desk.underpaid())).text


@pytest.mark.parametrize(("role", "status"), [("support", 403), ("viewer", 403), ("anonymous", 302)])
def test_it_takes_the_permission_to_refund_to_an_address(login, desk, role, status):
    url, client = url_of(desk, desk.underpaid()), login(role)

    assert (client.get(url).status_code, client.post(url).status_code) == (status, status)
    assert not RefundLink.objects.exists()


def test_an_invoice_that_nothing_can_be_refunded_of_has_no_link(client, desk):
    held = desk.held()
    assert "refund-link" not in client.get(desk.url("invoice_change", held.pk)).text

    page = client.post(url_of(desk, held), follow=True)

    assert "high-risk" in told(page)


def test_a_completed_invoice_that_was_sent_back_whole_offers_no_link(client, desk):
    desk.sandbox.deposit("EUR", "1000")
    invoice = desk.paid("1")
    page = desk.url("invoice_change", invoice.pk)
    assert 'href="../refund-link/"' in client.get(page).text

    send_back(invoice, None)

    assert 'href="../refund-link/"' not in client.get(page).text


def test_the_named_address_stands_in_the_refund_form_and_is_sent_only_by_staff(client, desk):
    invoice = desk.underpaid()
    name_refund_address(make_refund_link(invoice, actor="ada").token, address=ADDRESS)

    page = client.get(desk.url("invoice_change", invoice.pk)).text
    form = client.get(desk.url("invoice_refund", invoice.pk))

    assert ADDRESS in page
    assert "named by the customer at" in page
    assert "customer named a refund address" in page
    assert f'value="{ADDRESS}"' in form.text
    assert "by a link that was made by ada" in form.text
    assert not desk.sandbox.invoice(invoice).refunds
    prefilled = {name: form.context["form"].initial[name] for name in ("destination", "address")}
    done = client.post(
        desk.url("invoice_refund", invoice.pk), filled(form, reason="as named", **prefilled), follow=True
    )
    assert "Refunded" in told(done)
    assert [refund.address for refund in desk.sandbox.invoice(invoice).refunds] == [ADDRESS]


def test_a_tag_is_prefilled_too(client, desk):
    invoice = unresolved(desk.sandbox, pay_currency="XRP")
    name_refund_address(make_refund_link(invoice, actor="ada").token, address=RIPPLE, tag="77")

    initial = client.get(desk.url("invoice_refund", invoice.pk)).context["form"].initial

    assert (initial["address"], initial["tag"], initial["without_tag"]) == (RIPPLE, "77", False)


def test_an_answer_that_comes_while_the_form_is_open_is_shown_before_anything_is_sent(client, desk):
    invoice = desk.underpaid()
    form = filled(client.get(desk.url("invoice_refund", invoice.pk)), reason="x", destination="own_account")
    name_refund_address(make_refund_link(invoice, actor="ada").token, address=ADDRESS)

    page = client.post(desk.url("invoice_refund", invoice.pk), form)

    assert "changed" in told(page)
    assert not desk.sandbox.invoice(invoice).refunds


def test_what_a_customer_wrote_is_escaped(client, desk):
    invoice = desk.underpaid()
    make_refund_link(invoice, actor="<b>ada</b>")

    assert "<b>ada</b>" not in client.get(url_of(desk, invoice)).text
