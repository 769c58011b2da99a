"""The page of an invoice: every state, nothing private, nothing that could be mistaken, no dead end."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Invoice, PaymentLinkUse
from cryptopay_django.pages import formats
from cryptopay_django.services.invoices.customer_state import PAYABLE, State
from cryptopay_django.testing.factories import RefundFactory
from tests.pages.states import ADDRESS, PAST, STATES, invoice, paid, tagged, token

pytestmark = pytest.mark.django_db

ASSETS = ["cryptopay_django/pages/checkout.css", "cryptopay_django/pages/checkout.js"]


def url(made: Invoice, name: str = "checkout") -> str:
    return reverse(f"cryptopay_django:{name}", args=[made.pk])


@pytest.fixture
def shown(client):
    def shown(made: Invoice, **query: str) -> str:
        response = client.get(url(made), query)
        assert response.status_code == 200
        return response.text

    return shown


_PAGES: dict[str, tuple[Invoice, str]] = {}


@pytest.fixture
def pages(shown) -> dict[str, tuple[Invoice, str]]:
    """The page of every state, by name, of invoices with much that is private; rendered once for all tests."""
    if not _PAGES:
        for name, make in STATES.items():
            made = make()
            private = {"metadata": {"crm": "vip"}, "customer_id": "customer-7", "payer_email": "a@b.example"}
            Invoice.objects.filter(pk=made.pk).update(**private)
            _PAGES[name] = made, shown(made)
    return _PAGES


def test_every_state_has_a_title_a_text_and_a_way_on(pages):
    for name, (made, page) in pages.items():
        assert f'data-state="{name.partition("-")[0]}"' in page
        assert re.search(r'<h2 class="cp-title"[^>]*>[^<]+</h2>\s*<p class="cp-text">[^<%]+</p>', page), name
        assert "https://shop.example/orders/7QX2M9KD/" in page, name
        assert "Please ask the shop." in page, name
        assert str(made.pk) in page


def test_every_state_has_words_of_its_own(pages):
    titles = {re.search(r"data-cp-title[^>]*>([^<]+)<", page)[1] for _, page in pages.values()}

    assert len(titles) >= len(State)


def test_address_and_amount_are_shown_only_while_coins_may_be_sent(pages):
    for name, (made, page) in pages.items():
        may_pay = name.partition("-")[0] in PAYABLE
        copied = set(re.findall(r'data-cp-copy="([^"]+)"', page)) - {str(made.pk)}
        assert ("cp-qr-code" in page) == bool(copied) == may_pay, name
        assert may_pay or "Open in wallet" not in page, name
        # Who says that it was sent must be able to compare.
        assert (bool(made.address) and made.address in page) == (may_pay or name == "expired"), name


def test_no_state_but_completed_says_thank_you_or_shows_the_last_step_as_done(pages):
    said = [
        name for name, (_, page) in pages.items() if re.search(r'Thank you|cp-good|class="cp-done"[^>]*>Paid<', page)
    ]

    assert said == ["completed"]


def test_a_page_shows_nothing_that_is_not_the_customers(pages):
    for name, (made, page) in pages.items():
        for private in (
            "risk",
            "illicit",
            "SourceAddress",
            "vip",
            "customer-7",
            "a@b.",
            "ordered was",
            made.custom_id,
        ):
            assert private not in page, name


def test_a_strict_policy_breaks_no_page(pages):
    for name, (_, page) in pages.items():
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page), name
        assert not re.search(r'<(img|link|script)[^>]*(src|href)="(https?:)?//', page), name


def test_a_page_costs_one_query_and_two_more_once_money_has_arrived(client, django_assert_num_queries):
    ContentType.objects.get_for_model(PaymentLinkUse)  # a process reads it once

    for state, queries in {"waiting": 1, "expired": 1, "completed": 3, "held": 3}.items():
        made = STATES[state]()

        with django_assert_num_queries(queries):
            client.get(url(made))


def test_who_waits_sees_the_transaction_and_how_long_it_takes(shown, settings):
    made = paid()
    txid = made.payments.get().txid

    assert f"mempool.space/testnet/tx/{txid}" in shown(made)
    assert "The payment service waits for 1 confirmation. This usually takes about 10 minutes." in shown(made)
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {"bitcoin": "https://explorer.example/tx/{txid}"}
    assert f'href="https://explorer.example/tx/{txid}"' in shown(made)
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {"bitcoin": None}
    assert "Look it up" not in shown(made)
    Invoice.objects.update(environment="127.0.0.1:8100")
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {}
    assert "Look it up" not in shown(made), "a local sandbox has no network"


def test_a_network_that_is_not_known_promises_no_time(shown):
    assert "This usually takes" not in shown(paid(network="base"))


def test_what_was_sent_back_is_shown(shown):
    made = STATES["refunded"]()
    sent = {"address": ADDRESS, "status": "succeeded"}
    RefundFactory.create(invoice=made, amount=Decimal("0.0018"), received_amount=Decimal("0.0017"), **sent)
    RefundFactory.create(invoice=made, amount=Decimal("0.0001"), address=ADDRESS)
    RefundFactory.create(invoice=made, amount=Decimal("0.5"), address=ADDRESS, status="failed")

    page = shown(made)

    assert "Below you see what is sent back to you." in page
    assert re.search(r'<dt>Sent back</dt><dd><bdi dir="ltr">0.0018\u00a0BTC</bdi> · <bdi>\d[^<]+</bdi></dd>', page)
    assert '<dt>Being sent back</dt><dd><bdi dir="ltr">0.0001\u00a0BTC</bdi>' in page
    assert '<dt>Arrives, after fees</dt><dd><bdi dir="ltr">0.0017\u00a0BTC</bdi></dd>' in page
    assert ADDRESS not in page, "who has the link sees enough of the address to know it again"
    assert page.count(f">{ADDRESS[:8]}…{ADDRESS[-6:]}<") == 2
    assert "0.5\u00a0BTC" not in page


def test_coins_that_are_sent_back_can_be_looked_up(shown):
    made = STATES["refunded"]()
    RefundFactory.create(invoice=made, address=ADDRESS, status="succeeded", txid="f" * 64)

    assert f'href="https://mempool.space/testnet/tx/{"f" * 64}"' in shown(made)


def test_what_went_to_the_shops_own_account_was_not_sent_back_to_the_customer(shown):
    made = STATES["refunded"]()
    RefundFactory.create(invoice=made, status="succeeded")

    page = shown(made)

    assert "ent back" not in page
    assert "If you do not have it yet, ask the shop when and where to." in page


@pytest.mark.parametrize("made", [tagged, token])
def test_after_the_time_the_customer_can_compare_all_that_was_asked_for(made, shown):
    expired = made(expires_in=PAST)

    page = shown(expired)

    assert f"<dt>Network</dt><dd>{formats.network_name(expired.network, expired.pay_currency)}</dd>" in page
    assert ("<dt>Destination tag</dt>" in page) is bool(expired.destination_tag)
    assert expired.destination_tag in page


def test_a_new_payment_is_offered_only_when_the_preparation_takes_long(shown, client):
    made = STATES["preparing"]()
    status = f"/cryptopay/checkout/{made.pk}/status/"
    tag = client.get(status)["ETag"]
    assert "Start a new payment" not in shown(made)

    Invoice.objects.update(created_at=timezone.now() - timedelta(seconds=61))

    assert "Start a new payment" in shown(made)
    assert client.get(status, headers={"If-None-Match": tag}).status_code == 200, "so the script renews the page"


def test_what_a_qr_code_fills_in_is_said_exactly(shown):
    assert "Amount, address and the number below the address are filled in" in shown(tagged())
    assert "Amount and address are filled in" in shown(invoice())
    assert "Type the amount yourself." in shown(tagged(uri=f"ripple:{tagged().address}?dt={tagged().destination_tag}"))
    address_alone = shown(tagged(uri=""))
    assert "The QR code contains only the address." in address_alone
    assert "Also type the number below the address." in address_alone


def test_who_asks_names_the_order_first(shown):
    assert "Name your order: <strong><bdi>Order 7QX2M9KD</bdi></strong>" in shown(invoice())
    nameless = shown(invoice(description=""))
    assert "Name your order" not in nameless
    assert "Name this reference:" in nameless


def test_too_much_is_counted(shown):
    assert "That is \u20660.0009475\u00a0BTC\u2069 too much." in shown(STATES["overpaid"]())


def test_who_has_sent_coins_to_a_closed_payment_is_asked_first(shown, settings):
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"

    page = shown(STATES["cancelled"]())

    assert re.search(r'href="mailto:help@shop.example[^"]*">I have sent it</a>', page)
    assert page.index("I have sent it") < page.index("I have not: pay at today’s rate")
    assert "data-cp-ask" not in page, "nothing is left to ask the gateway"


def test_what_is_copied_is_plain_in_every_language(shown):
    made = token(pay_amount="1234567.5")

    for language in ("en", "de", "fr", "ru", "ja"):
        page = shown(made, lang=language)
        assert 'data-cp-copy="1234567.5"' in page
        assert '<bdi dir="ltr"><span class="cp-exact">1234567.5</span> <span>USDT</span></bdi>' in page


def test_prices_are_written_as_the_language_writes_them(shown):
    made = invoice(price_amount="1234.5")

    assert "1,234.50\u00a0EUR" in shown(made, lang="en")
    assert "1.234,50\u00a0EUR" in shown(made, lang="de")
    assert "52.905,1734\u00a0EUR" in shown(made, lang="de")


def test_the_rest_has_an_amount_and_a_qr_code_of_its_own(shown):
    page = shown(paid(part="0.4"))

    assert "\u20660.000758\u00a0BTC\u2069 of \u20660.001895\u00a0BTC\u2069" in page
    assert 'data-cp-copy="0.001137"' in page
    assert f'href="bitcoin:{ADDRESS}?amount=0.001137"' in page


def test_a_destination_tag_is_a_field_of_its_own_with_a_warning(shown):
    page = shown(tagged())

    assert 'data-cp-copy="2751702755"' in page
    assert "Destination tag (required)" in page
    assert "A payment without it is lost." in page


def test_the_network_is_said_as_wallets_say_it(shown):
    page = shown(token())

    assert "Send only Tether (USDT), and only over the network Tron (TRC-20)." in page
    assert formats.network_name("base_mainnet", "USDT") == "Base Mainnet"
    assert formats.network_name("ethereum", "ETH") == "Ethereum"


def test_an_invoice_without_a_network_names_none(shown):
    assert "over the network" not in shown(invoice(network=""))


@pytest.mark.parametrize("scheme", ["javascript:alert(1)//", "data:text/html,", "//evil.example/", "ftp://x/"])
def test_a_link_back_leads_to_a_web_page_or_nowhere(scheme, shown, settings):
    settings.CRYPTOPAY_NEW_INVOICE_URL = lambda invoice: scheme
    links = {"success_redirect_url": scheme, "unsuccess_redirect_url": scheme, "uri": f"{scheme}{ADDRESS}"}

    for made in (invoice(**links), invoice(**links, expires_in=-timedelta(minutes=1))):
        assert scheme not in shown(made)


def test_the_shop_says_where_a_new_invoice_is_made(shown, settings):
    settings.CRYPTOPAY_NEW_INVOICE_URL = lambda invoice: f"/pay/again/{invoice.custom_id}/"
    made = STATES["expired"]()

    assert f'href="/pay/again/{made.custom_id}/"' in shown(made)


def test_without_any_link_an_expired_invoice_still_shows_both_roads(shown):
    page = shown(invoice(success_redirect_url="", unsuccess_redirect_url="", expires_in=-timedelta(minutes=1)))

    assert "I have sent it" in page
    assert "Go back to the shop and start the payment again" in page


def test_the_shop_says_whom_to_ask(shown, settings):
    settings.CRYPTOPAY_SHOP_NAME = "Tern & Co"
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    settings.CRYPTOPAY_SUPPORT_URL = "https://shop.example/help/"
    made = STATES["held"]()

    page = shown(made)

    assert "Tern &amp; Co" in page
    assert f'href="mailto:help@shop.example?subject=Payment%20{made.pk}"' in page
    assert 'href="https://shop.example/help/"' in page


def test_an_unknown_invoice_is_not_found(client):
    page = reverse("cryptopay_django:checkout", args=[uuid.uuid4()])

    assert [client.get(page).status_code, client.post(page).status_code] == [404, 404]
    assert client.get(f"{page}status/").status_code == 404


@pytest.mark.parametrize("name", ["checkout", "invoice-status"])
def test_the_answer_is_for_this_customer_alone_and_runs_nothing_foreign(name, client, settings):
    made = invoice()

    headers = client.get(url(made, name)).headers

    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not client.cookies

    settings.STATIC_URL = "https://static.shop.example/s/"
    assert "script-src 'self' https://static.shop.example;" in client.get(url(made, name))["Content-Security-Policy"]


def test_the_panel_alone_is_what_the_page_shows(client, settings):
    made = invoice()

    panel = client.get(url(made), {"part": "panel", "lang": "de"}).text
    page = client.get(url(made), {"lang": "de"}).text

    assert panel.strip().startswith('<div class="cp-panel')
    assert panel.strip() in page
    assert 'lang="de"' in panel
    assert '<html lang="de" dir="ltr">' in page


def test_a_language_that_the_site_does_not_have_changes_nothing(shown, settings):
    settings.LANGUAGES = [("en", "English")]

    page = shown(invoice(), lang="de")

    assert "Waiting for your payment" in page
    assert "hreflang" not in page


def test_right_to_left_languages_turn_the_page_but_not_the_amounts(shown):
    page = shown(invoice(), lang="ar")

    assert '<html lang="ar" dir="rtl">' in page
    assert '<bdi dir="ltr"><span class="cp-exact">0.001895</span> <span>BTC</span></bdi>' in page
    assert '<bdi dir="ltr">1\u00a0BTC = ' in page


def test_without_a_script_the_page_comes_again_by_itself_until_it_is_over(shown):
    assert '<noscript><meta http-equiv="refresh" content="20"></noscript>' in shown(STATES["waiting"]())
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in shown(STATES["held"]())
    assert "refresh" not in shown(STATES["completed"]())


def test_all_assets_together_are_small():
    sizes = [Path(finders.find(asset)).stat().st_size for asset in ASSETS]

    assert sum(sizes) < 30_000


def test_the_largest_page_with_its_assets_stays_below_fifty_kilobytes(shown):
    page = len(shown(tagged()).encode())

    assert page + sum(Path(finders.find(asset)).stat().st_size for asset in ASSETS) < 50_000


def test_the_panel_is_embedded_with_one_line(rf, django_assert_num_queries):
    made = invoice()
    stale = Invoice.objects.get(pk=made.pk)
    Invoice.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(minutes=1))

    with django_assert_num_queries(1):
        html = Template("{% load cryptopay %}{% cryptopay_checkout invoice %}").render(
            Context({"invoice": stale, "request": rf.get("/")})
        )

    assert 'data-state="expired"' in html
    assert f'data-status-url="{url(made, "invoice-status")}"' in html
    assert all(asset in html for asset in ASSETS)
    assert "<html" not in html


def test_an_invoice_that_is_gone_embeds_nothing():
    html = Template("{% load cryptopay %}{% cryptopay_checkout invoice %}").render(Context({"invoice": Invoice()}))

    assert html == ""


def test_a_shop_can_override_a_part(shown, settings, tmp_path):
    (tmp_path / "cryptopay_django").mkdir()
    (tmp_path / "cryptopay_django" / "panel.html").write_text(
        '{% extends "cryptopay_django/panel.html" %}{% block help %}<p>Ring the bell.</p>{% endblock %}'
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]

    page = shown(invoice())

    assert "Ring the bell." in page
    assert "Questions about this payment?" not in page
    assert "cp-qr-code" in page
