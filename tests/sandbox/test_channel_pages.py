"""The pages of channels, and the wishes that a link to a hosted page carries: language, theme, a way back."""

from __future__ import annotations

import html
import http.client
import json
from typing import Any

import pytest

from cryptopay_django.sandbox import channel_controls, control, pages
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.pages.drawings import draw_qr
from cryptopay_django.sandbox.pages.texts import LABELS, PHASES, STATUSES, choose_locale
from cryptopay_django.sandbox.server import SandboxServer

from .conftest import Merchant
from .test_channels import make
from .test_pages import HOSTILE, Reader, read
from .test_server import server as server  # noqa: PLC0414 - a fixture

LOCALES = ["en", "de", "fr", "es", "pt", "ru", "jp"]


def read_as(sandbox: Sandbox, path: str, accepted: str) -> Reader:
    return Reader(pages.respond(sandbox, path, accepted).body.decode())


def lived_in(sandbox: Sandbox, merchant: Merchant, **values: Any) -> dict[str, Any]:
    """A channel with a payment in each status."""
    channel = make(merchant, **values)
    for how in ({"risk": "high"}, {"risk": "high"}, {}, {"double_spend": True}):
        channel_controls.pay(sandbox, channel["id"], "0.01", **how)
    channel_controls.confirm(sandbox, channel["id"])
    channel_controls.decide(sandbox, sandbox.state.channels[channel["id"]].payments[0].id, "refund")
    channel_controls.pay(sandbox, channel["id"], "0.02")
    return channel


def test_the_languages_are_those_of_the_service() -> None:
    assert sorted(PHASES) == sorted(LABELS) == sorted(STATUSES) == sorted(LOCALES)
    for texts in (PHASES, LABELS, STATUSES):
        assert len({frozenset(words) for words in texts.values()}) == 1


@pytest.mark.parametrize(
    ("wanted", "accepted", "locale"),
    [
        ("jp", "de", "jp"),
        ("ru-RU", "", "ru"),
        ("pt_BR", "", "pt"),
        ("ja", "de", "de"),
        ("", "ja,en;q=0.8", "jp"),
        ("", "tlh;q=1, fr-CH;q=0.9, de", "fr"),
        ("tlh", "", "en"),
        ("", "", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_browsers(wanted: str, accepted: str, locale: str) -> None:
    assert choose_locale(wanted, accepted) == locale


@pytest.mark.parametrize("locale", LOCALES)
def test_both_hosted_pages_speak_every_language(sandbox: Sandbox, merchant: Merchant, locale: str) -> None:
    channel, invoice = lived_in(sandbox, merchant), merchant.order()
    language = {"jp": "ja"}.get(locale, locale)

    for path, phase in ((f"/channels/{channel['id']}", "enabled"), (f"/invoices/{invoice['id']}", "waiting")):
        page = read(sandbox, f"{path}?locale={locale}&theme=dark")
        assert page.tags[0] == ("html", {"lang": language, "data-theme": "dark"})
        assert PHASES[locale][phase][0] in page.text
        assert PHASES[locale][phase][0] in read_as(sandbox, path, f"{language};q=0.9").text
    shown = read(sandbox, f"/channels/{channel['id']}?locale={locale}").text
    assert all(STATUSES[locale][status] in shown for status in ("pending", "completed", "on_hold", "refunded"))


def test_a_page_is_light_unless_dark_is_asked_for(sandbox: Sandbox, merchant: Merchant) -> None:
    path = f"/channels/{make(merchant)['id']}"

    themes = [read(sandbox, f"{path}{query}").tags[0][1]["data-theme"] for query in ("", "?theme=dark", "?theme=x")]

    assert themes == ["light", "dark", "light"]


def test_the_way_back_is_shown_where_it_is_asked_for(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = f"/channels/{make(merchant)['id']}"
    plain = f"/invoices/{merchant.order()['id']}"
    leading = f"/invoices/{merchant.order(unsuccess_redirect_url='https://shop.test/cart')['id']}"

    def ways(path: str) -> list[tuple[str, str | None]]:
        return [
            (tag, attrs.get("href")) for tag, attrs in read(sandbox, path).tags
            if "data-back" in attrs or attrs.get("href") == "https://shop.test/cart"
        ]  # fmt: skip

    for path in (channel, plain, leading):
        assert ways(path) == ways(f"{path}?back_button=false") == []
    assert ways(f"{channel}?back_button=true") == ways(f"{plain}?back_button=true") == [("button", None)]
    assert ways(f"{leading}?back_button=true") == [("a", "https://shop.test/cart")]


def test_the_page_of_a_channel_shows_address_tag_code_and_payments(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = lived_in(sandbox, merchant, pay_currency="XRP", name="Customer 7")
    address, _, tag = channel["address"].partition("?dt=")
    path = f"/channels/{channel['id']}"

    page = read(sandbox, path)

    for word in ("Customer 7", address, "Destination tag", tag, "0.02 XRP, waiting for confirmations 0/1"):
        assert word in page.text
    assert [attrs["data-copy"] for _, attrs in page.tags if "data-copy" in attrs] == [address, tag]
    assert draw_qr(channel["uri"]) in pages.respond(sandbox, path).body.decode()


def test_the_page_of_a_closed_channel_shows_no_address(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = lived_in(sandbox, merchant)
    path = f"/channels/{channel['id']}"
    before = json.loads(pages.respond(sandbox, f"{path}/state.json").body)
    channel_controls.change(sandbox, channel["id"], "disabled")

    page, after = read(sandbox, path), json.loads(pages.respond(sandbox, f"{path}/state.json").body)

    assert channel["address"] not in page.text
    assert PHASES["en"]["disabled"][0] in page.text
    assert (before["status"], after["status"]) == ("enabled", "disabled")
    assert before["mark"] != after["mark"]


def test_pages_of_channels_hold_no_foreign_markup_and_only_buttons_that_mean_something(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    channel = lived_in(sandbox, merchant, name=HOSTILE, description=HOSTILE, custom_id=HOSTILE, customer_id=HOSTILE)
    sandbox.deliver()
    paths = ["/channels", f"/channels/{channel['id']}", f"/channels/{channel['id']}/desk", "/variants"]

    for path in paths:
        page = read(sandbox, path)
        assert [attrs.get("src") for tag, attrs in page.tags if tag == "script"] == ["/static/sandbox.js"]
        assert not any(name.startswith("on") or name == "style" for _, attrs in page.tags for name in attrs)
        assert (HOSTILE in html.unescape(" ".join(page.words))) == (path != "/variants")
        for action, body in page.buttons():
            if action != "advance":
                answer = control.respond(sandbox, "POST", f"/control/{action}", json.dumps(body).encode())
                assert answer.status in {200, 422}, (path, action, answer.body)
    for path in ("/channels/no", "/channels/no/desk", "/channels/no/state.json"):
        read(sandbox, path, status=404)


def test_the_desk_pays_a_channel_and_decides_on_it_with_its_buttons(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = make(merchant)
    desk = f"/channels/{channel['id']}/desk"

    def press(action: str, **wanted: object) -> None:
        body = next(
            body for name, body in read(sandbox, desk).buttons() if name == action and wanted.items() <= body.items()
        )
        assert control.respond(sandbox, "POST", f"/control/{action}", json.dumps(body).encode()).status == 200

    press("pay", amount="0.01", risk="high")
    press("confirm")
    press("decide", decision="complete")
    press("channel", status="disabled")

    there = sandbox.state.channels[channel["id"]]
    assert (there.status, [payment.status for payment in there.payments]) == ("disabled", ["completed"])
    assert "ChannelPayment" in read(sandbox, desk).text


def test_a_browser_gets_the_page_in_its_language(server: SandboxServer) -> None:
    body = {"name": "Customer 7", "pay_currency": "BTC", "receiver_currency": "EUR"}
    channel = channel_controls.create(server.sandbox, body)
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("GET", f"/channels/{channel.id}", headers={"Accept-Language": "ja"})

    assert PHASES["jp"]["enabled"][0] in connection.getresponse().read().decode()
    connection.close()


@pytest.mark.parametrize(
    ("path", "public"),
    [("/channels/1", True), ("/channels/1/state.json", True), ("/channels/1/desk", False), ("/channels", False)],
)
def test_only_what_a_customer_needs_of_a_channel_is_public(path: str, public: bool) -> None:
    assert pages.is_public(path) == public
