"""A customer and a member of staff at the browser: they follow oscar's own pages and fill in the forms there."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from django.test import Client

FORM = re.compile(r"<form.*?</form>", re.DOTALL)
INPUT = re.compile(r"<input[^>]*>")
ADDRESS = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "line1": "1 Dorset Street",
    "line4": "London",
    "postcode": "W1U 6QL",
    "country": "GB",
}


class Browser(ABC):
    """Remembers the page that it shows: `status`, `path` and `text`."""

    status: int
    path: str
    text: str

    @abstractmethod
    def get(self, path: str) -> Browser:
        """Open a page."""

    @abstractmethod
    def post(self, path: str, data: dict[str, Any]) -> Browser:
        """Send a form."""

    def submit(self, with_field: str, **values: Any) -> Browser:
        """Submit the form on this page that has this field, with its hidden inputs and these values."""
        forms = [form for form in FORM.findall(self.text) if f'name="{with_field}"' in form]
        assert forms, f"{self.status} {self.path} has no field {with_field}: {self.text[:3000]}"
        form = forms[0]
        action = re.search(r'^<form[^>]*action="([^"]*)"', form)
        data = {**hidden_inputs(form), **values}
        return self.post(urljoin(self.path, unescape(action[1])) if action else self.path, data)


class InProcess(Browser):
    """A browser without a server."""

    def __init__(self) -> None:
        self.client = Client()

    def get(self, path: str) -> Browser:
        return self._show(self.client.get(path, follow=True))

    def post(self, path: str, data: dict[str, Any]) -> Browser:
        return self._show(self.client.post(path, data, follow=True))

    def _show(self, response: Any) -> Browser:
        self.status, self.text = response.status_code, response.content.decode()
        self.path = response.request["PATH_INFO"]
        return self


class OverHttp(Browser):
    """A browser that speaks HTTP with a server."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()

    def get(self, path: str) -> Browser:
        return self._show(self.session.get(urljoin(self.base, path), timeout=30))

    def post(self, path: str, data: dict[str, Any]) -> Browser:
        return self._show(
            self.session.post(urljoin(self.base, path), data, timeout=30, headers={"Referer": self.base})
        )

    def _show(self, response: requests.Response) -> Browser:
        self.status, self.text, self.path = response.status_code, response.text, urlsplit(response.url).path
        return self


def hidden_inputs(form: str) -> dict[str, str]:
    """Return what a form sends without anybody typing."""
    found = {}
    for field in INPUT.findall(form):
        name, value = (re.search(rf'{key}="([^"]*)"', field) for key in ("name", "value"))
        if 'type="hidden"' in field and name:
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    return found


def coins_on(page: Browser) -> list[str]:
    """Return the coins that a page offers."""
    return re.findall(r'name="coin" value="([^"]+)"', page.text)


def fill_basket(browser: Browser, product_path: str) -> None:
    """Put a product into the basket."""
    browser.get(product_path).submit("quantity", quantity=1)
    assert browser.status == 200, browser.text[:500]


def go_to_payment(browser: Browser, *, email: str = "") -> Browser:
    """Go through the checkout up to the choice of a coin: as a guest with this address, or with an account."""
    browser.get("/checkout/")
    if email:
        browser.submit("username", username=email, options="anonymous")
    browser.submit("line1", **ADDRESS)
    assert browser.path == "/checkout/payment-details/", browser.path
    return browser


def place_order(browser: Browser, *, coin: str = "BTC/bitcoin") -> Browser:
    """Choose a coin, look at the preview, and place the order; return the page that follows."""
    browser.submit("coin", coin=coin)
    assert browser.path == "/checkout/preview/", browser.path
    return browser.submit("action", action="place_order")
