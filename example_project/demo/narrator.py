"""Holds what the stories of the demo share: a customer's browser, the sandbox's control API, and numbered lines."""

import re
import textwrap
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import requests

from .processes import DemoError

PATIENCE = 20


class Browser:
    """A customer's browser at one site. Its addresses are paths."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> str:
        answer = self.session.get(self.url + path, timeout=15)
        if not answer.ok:
            raise DemoError(f"GET {path} was answered {answer.status_code}")
        return unescape(answer.text)

    def submit(self, path: str, *, form_on: str, **fields: object) -> str:
        """Open the page with the form, send it, and return where the answer leads."""
        token = found(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(form_on), f"a form on {form_on}")
        answer = self.session.post(
            self.url + path,
            data={**fields, "csrfmiddlewaretoken": token},
            headers={"Referer": self.url + form_on},
            allow_redirects=False,
            timeout=15,
        )
        if answer.status_code != 302:
            raise DemoError(f"POST {path} was answered {answer.status_code}, not with a redirect")
        return answer.headers["Location"]


class Narrator:
    """A story that is played and printed. `play` raises DemoError at the first thing that is not as it should be."""

    def __init__(self, *, shop: str, gateway: str) -> None:
        self.customer = Browser(shop)
        self.gateway = gateway
        self.number = 0

    def log_in(self, name: str, password: str) -> str:
        """Log in, and return how the shop greets the customer."""
        self.customer.submit("/login/", form_on="/login/", username=name, password=password)
        return found(r"<h1>(.*?)</h1>", self.customer.get("/account/"), "the account page")

    def reload(self, path: str, is_there: Callable[[str], Any], what: str) -> str:
        """Reload a page until it shows what is waited for, and return it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            page = self.customer.get(path)
            if is_there(page):
                return page
            time.sleep(0.2)
        raise DemoError(f"{path} does not show {what} within {PATIENCE} s")

    def callbacks_of(self, subject_id: str) -> list[dict[str, Any]]:
        """Return the callbacks about an invoice or a payment; each was answered once, with 200."""
        log = [line for line in self.control("state")["callbacks"] if line["subject_id"] == subject_id]
        for callback in log:
            answers = [attempt["answer"]["status"] for attempt in callback["attempts"]]
            if answers != [200]:
                raise DemoError(f"the callback {callback['event']} was answered {answers}, not once with 200")
        return log

    def resend(self, callback: dict[str, Any]) -> None:
        answer = self.control("resend", callback_id=callback["id"])["callbacks"][-1]["answer"]
        self.say("resend", f"{callback['event']} ({callback['status']}) once more: {answer['status']}")
        if answer["status"] != 200:
            raise DemoError(f"the resent callback was answered {answer['status']}")

    def control(self, action: str, **fields: str) -> dict[str, Any]:
        """Call the sandbox's control API."""
        url, session = f"{self.gateway}/control/{action}", self.customer.session
        answer = session.post(url, json=fields, timeout=60) if fields else session.get(url, timeout=15)
        if not answer.ok:
            raise DemoError(f"/control/{action} was answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())

    def say(self, what: str, text: str) -> None:
        if what:
            self.number += 1
        number = str(self.number) if what else ""
        print(
            textwrap.fill(text, 79, initial_indent=f"  {number:>2} {what:<10} ", subsequent_indent=" " * 16),
            flush=True,
        )


def found(pattern: str, page: str, what: str) -> str:
    match = re.search(pattern, page)
    if match is None:
        raise DemoError(f"the page does not show {what}")
    return match[1]
