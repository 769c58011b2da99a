"""The pages from right to left in a real browser: amounts, rates and times read from left to right, letter by letter."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from cryptopay_django.models import EventKind, Invoice, Resolution
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory
from tests.browser.conftest import DESKTOP, PHONE, violations
from tests.browser.layout import faults_of
from tests.pages.channels import with_history
from tests.pages.states import STATES, completed, invoice, tagged

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

AMOUNT = r"[\d.,]+\s[A-Z]{3,5}"
RATE = rf"1\s[A-Z]{{3,5}} = {AMOUNT}"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d"
MOMENT = rf"{TIME}:\d\d"
NAME = r"[0-9a-f]{8}…"

# Finds what matches in the text of each block, and returns the matches whose letters do not go to the right.
MISREAD = r"""
([selector, pattern]) => {
  const letters = [];
  const blockOf = (node) => {
    let one = node.parentElement;
    while (getComputedStyle(one).display.startsWith("inline")) one = one.parentElement;
    return one;
  };
  let block = null;
  for (const root of document.querySelectorAll(selector)) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (blockOf(node) !== block) letters.push({text: "\n"});
      block = blockOf(node);
      for (let at = 0; at < node.data.length; at++) letters.push({text: node.data[at], node, at});
    }
  }
  const left = ({node, at}) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect();
  };
  const found = [...letters.map((one) => one.text).join("").matchAll(new RegExp(pattern, "g"))];
  const misread = found.filter((match) => {
    const places = letters.slice(match.index, match.index + match[0].length)
      .filter((one) => /\S/.test(one.text)).map(left);
    return places.some((place, index) => index && place.left < places[index - 1].left - 0.5);
  });
  return [found.length, misread.map((match) => match[0])];
}
"""

# How many pixels of a list, and of the choice of an action above it, lie outside of the place that they have.
WIDER = """
() => [".results table", ".actions", ".actions select"].map((selector) => {
  const edge = document.querySelector("#changelist-form").getBoundingClientRect().right;
  return Math.round(Math.max(0, (document.querySelector(selector)?.getBoundingClientRect().right ?? 0) - edge));
})
"""


def misread(page: Any, selector: str, pattern: str) -> list[str]:
    """Return the texts that stand in another order than they are written in. At least one must be there."""
    count, wrong = page.evaluate(MISREAD, [selector, pattern])
    assert count
    return wrong


def test_the_measurement_sees_what_is_misread(open_page):
    page = open_page()
    page.set_content(
        '<main dir="rtl"><p>סכום 1 BTC = 52,905.17 EUR</p><p><bdi dir="ltr">1 BTC = 5 EUR</bdi></p></main>'
    )

    assert misread(page, "main", RATE) == ["1 BTC = 52,905.17 EUR"]


@pytest.mark.parametrize("state", ["waiting", "partly_paid", "underpaid", "completed"])
def test_amounts_and_rates_of_a_payment_are_in_reading_order_in_arabic(state, open_page, live_server):
    page = open_page()
    page.goto(f"{live_server.url}/cryptopay/checkout/{STATES[state]().pk}/?lang=ar")

    assert misread(page, "main", AMOUNT) == []
    if state in ("waiting", "partly_paid"):
        assert misread(page, "main", RATE) == []


def test_payments_to_a_channel_are_in_reading_order_in_arabic(open_page, live_server):
    page = open_page()
    page.goto(f"{live_server.url}/cryptopay/channels/{with_history().pk}/?lang=ar")

    assert misread(page, ".cp-history", AMOUNT) == []
    assert misread(page, ".cp-history", TIME) == []


def test_the_coins_are_in_reading_order_in_arabic(open_page, live_server, settings):
    settings.LANGUAGE_CODE = "ar"
    page = open_page()
    page.goto(f"{live_server.url}/pay/{Group.objects.create(name='12549.90').pk}/")

    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert misread(page, "main", AMOUNT) == []
    # The code, then the dot, then the number of networks: from right to left.
    code, hint = page.locator("summary small").filter(has_text="USDT").locator("bdi").all()
    assert code.bounding_box()["x"] > hint.bounding_box()["x"]


def desk_page(page: Any, live_server: Any, admin_client: Any, path: str) -> Any:
    """Open a page of invoices in the admin, as a user who may do everything."""
    session = {"name": "sessionid", "value": admin_client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([session])
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(f"{live_server.url}/admin/cryptopay_django/invoice/{path}")
    return page


@pytest.mark.parametrize("state", ["overpaid", "review", "completed"])
def test_amounts_rates_times_and_names_are_in_reading_order_at_the_desk_in_arabic(
    state, open_page, live_server, settings, admin_client
):
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = "tests.urls", "ar"
    made = STATES[state]()
    Invoice.objects.filter(pk=made.pk).update(custom_id=made.pk, polled_at=timezone.now())
    InvoiceEventFactory.create(invoice=made, kind=EventKind.PAYMENT_DETECTED, delivered_at=timezone.now())
    page = open_page()

    for path, patterns in ((f"{made.pk}/change/", (AMOUNT, RATE, MOMENT, NAME)), ("", (AMOUNT, NAME))):
        desk_page(page, live_server, admin_client, path)

        assert page.evaluate("document.documentElement.dir") == "rtl"
        assert {what: misread(page, "#content", what) for what in patterns} == {what: [] for what in patterns}


def test_what_the_doctor_says_in_english_is_in_reading_order_in_arabic(open_page, live_server, settings, admin_client):
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = "tests.urls", "ar"

    page = desk_page(open_page(), live_server, admin_client, "doctor/")

    assert misread(page, "#content", "0 in the last seven days") == []


def test_a_choice_of_a_form_is_as_high_as_a_field_and_a_long_id_has_room_on_a_phone(
    open_page, live_server, settings, admin_client
):
    settings.ROOT_URLCONF = "tests.urls"
    made = completed()

    page = desk_page(open_page(), live_server, admin_client, f"{made.pk}/return/")
    heights = [page.locator(f"[name={name}]").bounding_box()["height"] for name in ("amount", "currency")]
    desk_page(page, live_server, admin_client, f"{made.pk}/change/")
    ids = page.locator(".cp-table td:first-child .cp-id")

    assert heights[1] > heights[0] - 2
    assert ids.first.bounding_box()["width"] > PHONE["width"] / 3


@pytest.mark.parametrize("language", ["de", "es", "pt-br", "uk"])
def test_lists_fit_a_desktop_beside_their_filters(language, open_page, live_server, settings, admin_client):
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = "tests.urls", language
    held = STATES["held"]()
    with_history()
    for event in ("Invoice transaction_confirmed", "ChannelPayment status_changed"):
        CallbackFactory.create(event=event, outcome="applied", invoice=held, account="default")
    Resolution.objects.create(invoice=held, kind="settle", actor="stella", reason="agreed with the customer")
    page = open_page()
    page.set_viewport_size(DESKTOP)
    wider = {}

    for model in ("invoice", "callback", "channel", "channelpayment", "resolution"):
        desk_page(page, live_server, admin_client, f"../{model}/")
        wider[model] = page.evaluate(WIDER)

    assert wider == {model: [0, 0, 0] for model in wider}


@pytest.mark.parametrize("language", ["de", "ja", "ru"])
def test_pages_of_the_desk_are_no_wider_than_a_phone(language, open_page, live_server, settings, admin_client):
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = "tests.urls", language
    made = completed()
    callback = CallbackFactory.create(event="Invoice transaction_confirmed", digest="9b83e61b" * 8, invoice=made)
    page = open_page()
    page.set_viewport_size({"width": 360, "height": 740})
    wider = {}

    for path in (f"{made.pk}/change/", f"{made.pk}/mails/", f"../callback/{callback.pk}/change/", "overview/"):
        desk_page(page, live_server, admin_client, path)
        wider[path] = page.evaluate("document.documentElement.scrollWidth") - 360

    assert wider == dict.fromkeys(wider, 0)


def test_the_states_of_a_list_do_not_stand_upright_on_a_phone_in_japanese(
    open_page, live_server, settings, admin_client
):
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = "tests.urls", "ja"
    STATES["held"]()
    page = open_page()
    page.set_viewport_size({"width": 360, "height": 740})

    desk_page(page, live_server, admin_client, "")
    boxes = [one.bounding_box() for one in page.locator("#result_list .cp-badge").all()]

    assert boxes
    assert [box for box in boxes if box["height"] > box["width"]] == []


def test_the_links_to_fifteen_languages_wrap_on_a_phone(open_page, live_server):
    page = open_page()
    made = invoice()
    for width in (320, PHONE["width"]):
        page.set_viewport_size({"width": width, "height": 640})
        for language in ("en", "ar"):
            page.goto(f"{live_server.url}/cryptopay/checkout/{made.pk}/?lang={language}")
            links = page.locator(".cp-footer a")

            boxes = [one.bounding_box() for one in links.all()]

            assert len(boxes) == len(LANGUAGES)
            assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
            assert len({round(box["y"]) for box in boxes}) > 1
            assert all(box["height"] >= 24 for box in boxes)


def test_no_text_of_a_channel_a_receipt_or_a_finished_payment_is_cut_in_any_language(open_page, live_server):
    page = open_page()
    paid = f"checkout/{completed().pk}/"
    faults = {}
    for language in LANGUAGES:
        for path in (f"channels/{with_history().pk}/", paid, f"{paid}receipt/"):
            page.goto(f"{live_server.url}/cryptopay/{path}?lang={language}")
            faults[language, path] = faults_of(page, widths=(320,), sizes=(100, 250))

    assert {which: found for which, found in faults.items() if found} == {}


@pytest.mark.parametrize("language", ["ar", "it", "ko", "nl", "pl", "tr", "uk", "zh-hans"])
def test_no_text_of_the_coins_is_cut(language, open_page, live_server, settings):
    settings.LANGUAGE_CODE = language
    page = open_page()
    page.goto(f"{live_server.url}/pay/{Group.objects.create(name='12549.90').pk}/")
    page.locator("summary").first.click()

    assert page.evaluate("document.documentElement.lang") == language
    assert faults_of(page, widths=(320,), sizes=(100, 250)) == []


@pytest.mark.parametrize("language", ["ar", "zh-hans"])
def test_axe_finds_nothing_in_another_script(language, open_page, live_server, axe):
    page = open_page(reduced_motion="reduce")
    found = {}
    for path in (f"checkout/{tagged().pk}/", f"channels/{with_history().pk}/", f"checkout/{completed().pk}/receipt/"):
        page.goto(f"{live_server.url}/cryptopay/{path}?lang={language}")
        found[path] = violations(page, axe)

    assert {path: what for path, what in found.items() if what} == {}
