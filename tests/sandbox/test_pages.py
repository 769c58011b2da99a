"""The pages: what they show, that nothing in them is markup but ours, and that every button means something."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from cryptopay_django.sandbox import control, pages
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.pages.drawings import draw_qr
from cryptopay_django.sandbox.pages.html import Html, el
from cryptopay_django.sandbox.pages.texts import LABELS, PHASES, language_of
from cryptopay_django.sandbox.scenarios import SCENARIOS
from cryptopay_django.sandbox.simulated_coins import COINS

from .conftest import Merchant, pass_time

HOSTILE = "<script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"
DESKS = ["/", "/ledger", "/withdrawals", "/subscriptions", "/callbacks", "/account", "/variants", "/trouble"]


class Reader(HTMLParser):
    """Reads a page as a browser would, and objects to what a strict reader would."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "path", "circle", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def buttons(self) -> list[tuple[str, dict[str, Any]]]:
        pressed = (attrs for tag, attrs in self.tags if tag == "button" and "data-action" in attrs)
        return [(str(attrs["data-action"]), json.loads(str(attrs["data-body"]))) for attrs in pressed]


def read(sandbox: Sandbox, path: str, *, status: int = 200) -> Reader:
    response = pages.respond(sandbox, path)
    assert response.status == status
    return Reader(response.body.decode())


def everything(sandbox: Sandbox, merchant: Merchant) -> list[str]:
    """Bring invoices into every state, with hostile texts, and return the path of each page there is."""
    control.respond(sandbox, "POST", "/control/reset", b"{}")
    for scenario in SCENARIOS:
        invoice = merchant.order(name=HOSTILE, description=HOSTILE, custom_id=f"{scenario}{HOSTILE}")
        body = json.dumps({"scenario": scenario, "invoice_id": invoice["id"]}).encode()
        assert control.respond(sandbox, "POST", "/control/scenario", body).status == 200
    sandbox.pay(merchant.order(name=HOSTILE, pay_currency="XRP")["id"], factor="0.5")
    sandbox.pay(merchant.order(name=HOSTILE)["id"], factor="2")
    sandbox.fail_next("cut")
    sandbox.deliver()
    invoices = [f"/invoices/{invoice_id}" for invoice_id in sandbox.state.invoices]
    hosted = [f"{path}{query}" for path in invoices for query in ("", "?locale=de&theme=dark", f"?locale={HOSTILE}")]
    return [*DESKS, *hosted, *(f"{path}/desk" for path in invoices)]


def test_no_page_contains_markup_that_came_from_outside(sandbox: Sandbox, merchant: Merchant) -> None:
    seen = 0
    for path in everything(sandbox, merchant):
        page = read(sandbox, path)
        assert [attrs.get("src") for tag, attrs in page.tags if tag == "script"] == ["/static/sandbox.js"]
        assert not any(name.startswith("on") or name == "style" for _, attrs in page.tags for name in attrs)
        assert not any(tag == "style" for tag, _ in page.tags)
        seen += HOSTILE in html.unescape(" ".join(page.words))
    assert seen > 20


def test_no_page_loads_anything_from_elsewhere(sandbox: Sandbox, merchant: Merchant) -> None:
    for path in everything(sandbox, merchant):
        response = pages.respond(sandbox, path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = Reader(response.body.decode())
        loaded = [
            attrs.get("src") or attrs.get("href") for tag, attrs in page.tags if tag in {"script", "link", "img"}
        ]
        assert all(str(address).startswith("/static/") for address in loaded)


def test_every_button_is_understood_by_the_control_api(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()["id"]
    for path in (*DESKS, f"/invoices/{invoice}", f"/invoices/{invoice}/desk"):
        buttons = read(sandbox, path).buttons()
        assert buttons
        for action, body in buttons:
            if action in {"reset", "scenario", "advance"}:
                continue
            answer = control.respond(sandbox, "POST", f"/control/{action}", json.dumps(body).encode())
            assert answer.status in {200, 422}, (path, action, answer.body)


def test_the_hosted_page_says_what_to_pay_where_and_how_long(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order(pay_currency="XRP", name="Order 4711")
    pass_time(sandbox, seconds=1)
    address, _, tag = invoice["address"].partition("?dt=")

    page = read(sandbox, f"/invoices/{invoice['id']}")

    for word in ("Order 4711", "100.00 EUR", invoice["pay_amount"], "XRP", address, "Destination tag", tag, "09:5"):
        assert word in page.text
    copies = [attrs["data-copy"] for _, attrs in page.tags if "data-copy" in attrs]
    assert copies == [invoice["pay_amount"].removesuffix(".0"), address, tag]
    assert draw_qr(invoice["uri"]) in pages.respond(sandbox, f"/invoices/{invoice['id']}").body.decode()


def test_the_hosted_page_speaks_the_customers_language_and_wears_their_theme(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    path = f"/invoices/{merchant.order()['id']}"

    for locale in PHASES:
        page = read(sandbox, f"{path}?locale={locale}-XX&theme=dark")
        assert PHASES[locale]["waiting"][0] in page.text
        assert page.tags[0] == ("html", {"lang": language_of(locale), "data-theme": "dark"})
    assert PHASES["en"]["waiting"][0] in read(sandbox, f"{path}?locale=tlh&theme=pink").text


def test_every_language_has_every_text() -> None:
    assert len({frozenset(phases) for phases in PHASES.values()}) == 1
    assert len({frozenset(labels) for labels in LABELS.values()}) == 1
    assert set(PHASES) == set(LABELS)


@pytest.mark.parametrize(
    ("steps", "phase"),
    [
        ([], "waiting"),
        (["pay 1"], "seen"),
        (["pay 0.5", "confirm"], "partial"),
        (["wait 10"], "expired"),
        (["pay 0.5", "confirm", "wait 10"], "underpaid"),
        (["pay 2", "confirm"], "overpaid"),
        (["pay 1", "confirm"], "completed"),
        (["wait 20160"], "cancelled"),
    ],
)
def test_the_hosted_page_follows_the_invoice(
    sandbox: Sandbox, merchant: Merchant, steps: list[str], phase: str
) -> None:
    invoice = merchant.order()["id"]
    marks = {json.loads(pages.respond(sandbox, f"/invoices/{invoice}/state.json").body)["mark"]}

    for step in steps:
        verb, _, argument = step.partition(" ")
        if verb == "wait":
            pass_time(sandbox, minutes=int(argument))
        elif verb == "pay":
            sandbox.pay(invoice, factor=argument)
        else:
            sandbox.confirm(invoice)
        marks.add(json.loads(pages.respond(sandbox, f"/invoices/{invoice}/state.json").body)["mark"])

    state = json.loads(pages.respond(sandbox, f"/invoices/{invoice}/state.json").body)
    assert state["phase"] == phase
    assert len(marks) == len(steps) + 1
    assert PHASES["en"][phase][0] in read(sandbox, f"/invoices/{invoice}").text


def test_a_paid_customer_is_led_back_to_the_shop_and_nowhere_else(sandbox: Sandbox, merchant: Merchant) -> None:
    urls = {"success_redirect_url": "https://shop.test/thanks?a=1&b=2", "unsuccess_redirect_url": "https://shop.test/sorry"}  # fmt: skip
    paid, expired, odd = (merchant.order(**urls)["id"] for _ in range(3))
    sandbox.pay(paid)
    sandbox.confirm(paid)
    sandbox.state.invoices[odd].texts["unsuccess_redirect_url"] = "javascript:alert(1)"
    pass_time(sandbox, minutes=11)

    def ways_back(invoice: str) -> list[tuple[str | None, bool]]:
        page = read(sandbox, f"/invoices/{invoice}")
        links = [attrs for tag, attrs in page.tags if tag == "a" and attrs.get("class") == "button"]
        return [(attrs["href"], "data-return" in attrs) for attrs in links]

    assert ways_back(paid) == [("https://shop.test/thanks?a=1&b=2", True)]
    assert ways_back(expired) == [("https://shop.test/sorry", False)]
    assert ways_back(odd) == []


def test_the_callback_log_shows_request_and_answer(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.pay(merchant.order()["id"])
    sandbox.deliver()

    page = read(sandbox, "/callbacks")

    for word in (
        "transaction_created",
        "https://shop.test/callbacks/",
        "X-Cryptopay-Signature",
        "ok",
        "delivered: 200",
    ):
        assert word in page.text
    assert [action for action, _ in page.buttons()].count("resend") == 1


def test_the_account_shows_its_settings_and_balances_but_no_secret(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.change_settings({"underpaid": "refund"})
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)
    sandbox.confirm(invoice)

    page = read(sandbox, "/account")

    chosen = [attrs["value"] for tag, attrs in page.tags if tag == "option" and "selected" in attrs]
    assert chosen == ["refund", "manual", "manual", "completed"]
    assert "99" in page.words
    whole = pages.respond(sandbox, "/account").body.decode()
    assert sandbox.account.api_secret not in whole
    assert sandbox.account.callback_secrets[0] not in whole


@pytest.mark.parametrize(
    "path", ["/no", "/invoices/no", "/invoices/no/state.json", "/static/no", "/static/../core.py"]
)
def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    read(sandbox, path, status=404)


def test_every_logo_that_the_api_names_is_there(sandbox: Sandbox, merchant: Merchant) -> None:
    for coin in merchant.data("GET", "/api/coins"):
        response = pages.respond(sandbox, coin["logo_url"].removeprefix(sandbox.state.base_url))
        assert response.content_type == "image/svg+xml"
        assert ElementTree.fromstring(response.body).tag.endswith("svg")
    assert len(COINS) > 10


@pytest.mark.parametrize("name", ["sandbox.css", "sandbox.js", "icon.svg"])
def test_the_pages_bring_their_own_files(sandbox: Sandbox, name: str) -> None:
    response = pages.respond(sandbox, f"/static/{name}")

    assert response.status == 200
    assert not re.search(rb"https?://(?!www\.w3\.org)", response.body)


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/invoices/1", True),
        ("/invoices/1/state.json", True),
        ("/static/sandbox.css", True),
        ("/", False),
        ("/callbacks", False),
        ("/invoices/1/desk", False),
        ("/invoices", False),
    ],
)
def test_only_what_a_customer_needs_is_public(path: str, public: bool) -> None:
    assert pages.is_public(path) == public


def test_texts_are_escaped_and_markup_is_not() -> None:
    made = el("p", "<&>", el("b", "bold", class_='x"y'), None, [Html("<i></i>")], hidden=True, data_a=None)

    assert made == '<p hidden>&lt;&amp;&gt;<b class="x&quot;y">bold</b><i></i></p>'
