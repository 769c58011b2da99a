"""The customer's page of a channel: what is shown in each state, what is withheld, and its JSON."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.template import RequestContext, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from cryptopay_django.links import path_of
from cryptopay_django.models import Channel, ChannelPayment
from cryptopay_django.pages.channel_panel import channel_panel_context
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.pages.wallet_uri import channel_link
from cryptopay_django.services import create_channel, disable_channel, read_channel_progress
from cryptopay_django.services.channels.owner_state import MOST, ChannelState
from cryptopay_django.testing.factories import ChannelFactory
from tests.pages.channels import ADDRESS, CHANNELS, channel, receipt, tagged, with_history

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(client):
    """Return a function that fetches the page of a channel."""

    def fetch(made: Channel, **query: str) -> str:
        answer = client.get(path_of("channel", made.pk), query)
        assert answer.status_code == 200
        return str(answer.text)

    return fetch


def state_of(client: Any, made: Channel) -> dict[str, Any]:
    return client.get(path_of("channel-status", made.pk)).json()


def test_every_state_has_a_face():
    reached = {read_channel_progress(make().pk).state for make in CHANNELS.values()}

    assert reached == set(ChannelState)


def test_an_open_channel_shows_where_to_send_and_what_it_is_credited_in(shown):
    page = shown(channel())

    assert f">{ADDRESS}</span>" in page
    assert 'class="cp-qr-code"' in page
    assert f'href="bitcoin:{ADDRESS}"' in page
    assert "Send only Bitcoin (BTC), and only over the network Bitcoin." in page
    assert "Any amount of Bitcoin (BTC)" in page
    assert "credited in EUR" in page


def test_a_tag_stands_beside_the_address_and_in_the_code(shown):
    page = shown(tagged())

    assert "Destination tag (required)" in page
    assert ">2751702755</span>" in page
    assert "Your wallet asks for this number. A payment without it is lost." in page
    assert "type the number below" not in page, "the code has it"


@pytest.mark.parametrize("name", ["preparing", "disabled", "review", "unavailable"])
def test_where_nothing_may_be_sent_there_is_neither_address_nor_code(name, shown, client):
    made = CHANNELS[name]()
    page, state = shown(made), state_of(client, made)

    assert ADDRESS not in page + str(state)
    assert "cp-qr-code" not in page
    assert "bitcoin:" not in page
    assert state["payment"] is None
    assert state["state"] == name


def test_the_history_speaks_of_each_payment_and_gives_no_reason(shown, client):
    made = with_history()
    page, state = shown(made), state_of(client, made)

    assert [one["state"] for one in state["receipts"]] == [
        "pending", "review", "review", "refunded", "cancelled", "credited",
    ]  # fmt: skip
    for words in ("Waiting for confirmation by the network", "Credited to you", "We are checking it",
                  "Sent back", "Not confirmed by the network"):  # fmt: skip
        assert words in page
    for secret in ("illicit", "high-risk", "Mixer", "USD", "quarantine"):
        assert secret not in page + str(state)


def test_only_what_is_credited_and_not_held_counts(client):
    made = channel()
    receipt(made, status="completed", quarantine_reason="odd")
    receipt(made, status="completed")

    found = [(one["credited_amount"], one["credited_currency"]) for one in state_of(client, made)["receipts"]]

    assert sorted(found, key=str) == [("495", "EUR"), (None, None)]


def test_the_newest_are_shown_and_the_page_says_that_there_is_more(shown, client):
    made = channel()
    for _ in range(MOST + 1):
        receipt(made)

    assert "Only the newest payments are shown." in shown(made)
    assert len(state_of(client, made)["receipts"]) == MOST


def test_the_state_is_asked_for_again_for_nothing_until_it_changes(client):
    made = channel()
    url = path_of("channel-status", made.pk)
    known = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": known}).status_code == 304

    payment = receipt(made)
    after_payment = client.get(url, headers={"If-None-Match": known})
    ChannelPayment.objects.filter(pk=payment.pk).update(status="completed", version=7)
    after_credit = client.get(url, headers={"If-None-Match": after_payment["ETag"]})

    assert (after_payment.status_code, after_credit.status_code) == (200, 200)


def test_the_page_costs_two_queries_however_long_its_history(client):
    made = with_history()

    for name in ("channel", "channel-status"):
        with CaptureQueriesContext(connection) as queries:
            client.get(path_of(name, made.pk))
        assert len(queries) == 2


def test_answers_are_hardened_and_say_nothing_of_what_is_not_there(client):
    for name in ("channel", "channel-status"):
        answer = client.get(path_of(name, channel().pk))
        assert answer["Cache-Control"] == "no-store, private"
        assert answer["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert client.get(path_of(name, uuid4())).status_code == 404
        assert client.post(path_of(name, channel().pk)).status_code == 405


def test_it_works_without_scripts_and_runs_none_of_its_own(shown):
    page = shown(channel())

    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in page
    assert "data-events-url" not in page
    assert page.count("<script") == page.count("<script src=")
    assert "style=" not in page


def test_the_script_fetches_the_panel_alone(shown):
    panel = shown(channel(), part="panel")

    assert panel.lstrip().startswith('<div class="cp-panel')
    assert "<html" not in panel


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_speaks_every_language(language):
    english, theirs = set(), set()
    for make in CHANNELS.values():
        progress = read_channel_progress(make().pk)
        for code, found in (("en", english), (language, theirs)):
            with translation.override(code):
                context = channel_panel_context(progress)
                found.add((context["title"], context["text"]))

    assert len(theirs) == len(english)
    assert language == "en" or not english & theirs


def test_the_tag_of_a_template_embeds_the_panel():
    request = RequestFactory().get("/")
    template = Template("{% load cryptopay %}{% cryptopay_channel channel %}")

    page = template.render(RequestContext(request, {"channel": channel()}))
    nothing = template.render(RequestContext(request, {"channel": ChannelFactory.build()}))

    assert ADDRESS in page
    assert "checkout.css" in page
    assert "part=embedded" in page
    assert nothing == ""


@pytest.mark.parametrize(
    ("uri", "text", "href", "has_tag"),
    [
        (f"bitcoin:{ADDRESS}", f"bitcoin:{ADDRESS}", f"bitcoin:{ADDRESS}", False),
        (ADDRESS, ADDRESS, "", False),
        ("", ADDRESS, "", False),
        ("bitcoin:1Other", ADDRESS, "", False),
        (f"bitcoin:{ADDRESS}?amount=3", ADDRESS, "", False),
        (f"javascript:alert('{ADDRESS}')", ADDRESS, "", False),
        (f"https://pay.example/{ADDRESS}", ADDRESS, "", False),
        (f"ripple:{ADDRESS}?dt=17", f"ripple:{ADDRESS}?dt=17", f"ripple:{ADDRESS}?dt=17", True),
        (f"ripple:{ADDRESS}?dt=171", f"ripple:{ADDRESS}?dt=171", f"ripple:{ADDRESS}?dt=171", False),
    ],
)
def test_what_is_scanned_is_this_address_and_asks_for_no_amount(uri, text, href, has_tag):
    link = channel_link(ChannelFactory.build(address=ADDRESS, uri=uri, destination_tag="17"))

    assert (link.text, link.href, link.has_tag, link.has_amount) == (text, href, has_tag, False)


@pytest.mark.django_db(transaction=True)
def test_a_top_up_appears_and_a_disabled_channel_loses_its_address(shown, cryptopay_sandbox, django_user_model):
    made = create_channel(django_user_model.objects.create(), pay_currency="XRP", receiver_currency="EUR")
    assert made.destination_tag
    assert made.destination_tag in shown(made)

    cryptopay_sandbox.pay(made, "20")
    cryptopay_sandbox.deliver()
    seen = shown(made)
    cryptopay_sandbox.confirm(made)
    cryptopay_sandbox.deliver()
    credited = shown(made)
    disable_channel(made)
    disabled = shown(made)

    assert "Payment seen" in seen
    assert "Credited to you" in credited
    assert made.address in credited
    assert made.address not in disabled
    assert "Credited to you" in disabled


@pytest.mark.parametrize(
    ("policy", "ancestors", "frames"),
    [
        ({}, "'none'", "DENY"),
        ({"frame-ancestors": "https://app.shop.example"}, "https://app.shop.example", None),
    ],
)
def test_a_shop_changes_the_policy_of_a_channels_page_by_directive(client, settings, policy, ancestors, frames):
    settings.CRYPTOPAY_PAGE_POLICY = policy
    made = channel()

    for name in ("channel", "channel-status"):
        response = client.get(path_of(name, made.pk))
        assert f"frame-ancestors {ancestors}" in response["Content-Security-Policy"], name
        assert response.get("X-Frame-Options") == frames, name
