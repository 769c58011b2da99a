"""What is done on every row, over HTTP: a purchase, an underpaid order and its refund, a burst, an export, a restart.

The customer's and the chain's hands are the sandbox's control API; staff use the admin as a browser would.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import requests

ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
CALLBACK_SECRET = b"sandbox-callback-secret"
PATIENCE = 25.0
BURST = 12
# A page's stream lasts 8 to 10 minutes; the rest is a loaded machine.
LONGEST_STOP = 15.0


class StoryError(AssertionError):
    """A step did not end as it has to."""


class Story:
    """The steps, on a shop at `shop` whose gateway is the sandbox at `gateway`."""

    def __init__(
        self,
        shop: str,
        gateway: str,
        *,
        seeded: int,
        restart: Callable[[], float],
        prefix: str = "",
        desk: str = "desk",
        lag: int = 0,
    ) -> None:
        self.shop, self.gateway, self.seeded, self.restart, self.prefix = shop, gateway, seeded, restart, prefix
        self.desk, self.lag = desk, lag
        self.session = requests.Session()
        self.session.trust_env = False
        self.bought: list[dict[str, str]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the names of the steps and what does them. Each returns what was seen."""
        return [
            ("purchase", self.purchase),
            ("underpaid", self.underpaid),
            ("refund", self.refund),
            ("burst", self.burst),
            ("export", self.export),
            ("chunked", self.chunked),
            ("live pages", self.live),
            ("restart", self.restarted),
        ]

    # --- the steps

    def purchase(self) -> str:
        """An order is bought, seen on its pay page, paid, and credited once, however often callbacks come."""
        order = self.buy()
        page = self.get(order["checkout"]).text
        expect("bitcoin:" in page and "BTC" in page, "the pay page shows no address")
        self.control("pay", invoice_id=order["gateway_id"])
        self.control("confirm", invoice_id=order["gateway_id"])
        self.wait_for([order], order="paid", invoice="completed")
        self.resend([order])
        self.settled([order])
        status = self.get(order["invoice-status"]).text
        expect("completed" in status, f"the status page says {status[:200]}")
        return "credited once"

    def underpaid(self) -> str:
        """An order is paid with nine tenths, and waits for a person."""
        order = self.buy()
        self.control("pay", invoice_id=order["gateway_id"], factor="0.9")
        self.control("confirm", invoice_id=order["gateway_id"])
        self.control("advance", seconds=601)
        self.wait_for([order], order="unresolved", invoice="unresolved underpaid")
        return "unresolved, underpaid"

    def refund(self) -> str:
        """Staff find it in the admin, and send the money back."""
        order = self.bought[-1]
        self.log_in()
        self.wait_for_replica()  # lists show what it has
        listed = self.get("/admin/cryptopay_django/invoice/?status__exact=unresolved", any_status=True)
        if listed.url.endswith("?e=1") or listed.status_code != 200:
            listed = self.get("/admin/cryptopay_django/invoice/")
        expect(order["invoice"][:8] in listed.text, "the list does not show the invoice")
        base = f"/admin/cryptopay_django/invoice/{order['invoice']}"
        page = self.get(f"{base}/change/").text
        expect(order["invoice"][:8] in page and "cp-button" in page, "the invoice's page has no acts")
        form = self.get(f"{base}/refund/").text
        expect("Refund invoice" in form, "the form does not name the act")
        values = hidden(form) | {"destination": "address", "address": ADDRESS, "reason": "agreed by phone"}
        done = self.post(f"{base}/refund/", values)
        expect(done.ok and "errorlist" not in done.text, f"the refund was refused: {done.status_code}")
        self.control("advance", seconds=60)
        self.wait_for([order], order="refunded", invoice="refunded")
        return "refunded from the admin"

    def burst(self) -> str:
        """Orders are paid all at once, and every callback comes three times."""
        with ThreadPoolExecutor(4) as pool:
            orders = list(pool.map(lambda _: self.buy(), range(BURST)))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda order: self.control("pay", invoice_id=order["gateway_id"]), orders))
            list(pool.map(lambda order: self.control("confirm", invoice_id=order["gateway_id"]), orders))
        self.wait_for(orders, order="paid", invoice="completed")
        self.resend(orders)
        self.resend(orders)
        self.settled(orders)
        return f"{BURST} orders, each credited once"

    def export(self) -> str:
        """The CSV of all invoices has all of them."""
        self.log_in()
        self.wait_for_replica()
        answer = self.get("/admin/cryptopay_django/invoice/export/all/")
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        wanted = self.seeded + len(self.bought)
        expect(len(rows) - 1 == wanted, f"the file has {len(rows) - 1} of {wanted} rows")
        expect(len({tuple(row) for row in rows}) == len(rows), "the file has a row twice")
        return f"{wanted} rows"

    def chunked(self) -> str:
        """A callback in chunks is stored, or is refused for its chunks and not for its signature."""
        body = json.dumps({"type": "Unheard", "event": "of", "data": {"id": str(uuid.uuid4())}}).encode()
        signature = hmac.new(CALLBACK_SECRET, body, hashlib.sha256).hexdigest()
        url = self.url("/cryptopay/callbacks/")
        pieces = iter([body[:20], body[20:]])  # without a length `requests` sends chunks
        answer = self.session.post(url, data=pieces, headers={"X-Cryptopay-Signature": signature}, timeout=30)
        expect(answer.status_code in {200, 411}, f"a callback in chunks is answered {answer.status_code}")
        return "chunked bodies are read" if answer.ok else "chunked bodies are refused (411)"

    def live(self) -> str:
        """A pay page is told of a payment: at once where the server can, else by its next question."""
        order = self.buy()
        answer = self.session.get(self.url(order["invoice-events"]), stream=True, timeout=(10, 10))
        with answer:
            if answer.status_code == 204:
                return "pages ask again"
            expect(answer.ok, f"the stream answers {answer.status_code}")
            lines = (line for line in answer.iter_lines(chunk_size=1) if line.startswith(b"data:"))
            first = next(lines)
            self.control("pay", invoice_id=order["gateway_id"])
            expect(next(lines) != first, "the stream said the same twice")
        self.control("confirm", invoice_id=order["gateway_id"])
        self.wait_for([order], order="paid", invoice="completed")
        return "pages are told"

    def restarted(self) -> str:
        """The server is asked to stop while pay pages are open, misses a callback, and comes back."""
        order = self.buy()
        url = self.url(order["invoice-events"])
        pages = [requests.get(url, stream=True, timeout=(10, 60)) for _ in range(4)]
        # Kept, because an iterator that is dropped closes its connection.
        streams = [page.iter_lines(chunk_size=1) for page in pages if page.status_code == 200]
        for stream in streams:
            next(stream)
        seconds = self.restart_with(lambda: self.control("pay", invoice_id=order["gateway_id"]))
        for page in pages:
            page.close()
        self.control("confirm", invoice_id=order["gateway_id"])
        self.control("advance", seconds=40)
        self.control("advance", seconds=40)
        self.wait_for([order], order="paid", invoice="completed")
        self.settled([order])
        expect(seconds < LONGEST_STOP, f"the server took {seconds:.0f} s to stop with {len(streams)} open pages")
        return f"stops in {seconds:.0f} s with {len(streams)} pages open" if streams else f"stops in {seconds:.0f} s"

    def fail(self) -> None:
        """Go where the shop raises: an account that is not there. A tracker gets its report."""
        answer = self.session.post(self.url("/buy/"), data={"account": "typo"}, timeout=30)
        expect(answer.status_code == 500, f"an account that is not there was answered {answer.status_code}")

    def restart_with(self, meanwhile: Callable[[], object]) -> float:
        """Restart the server, do something while it is away, and return how long it took to stop."""
        self.meanwhile = meanwhile
        return self.restart()

    # --- what they are made of

    def buy(self) -> dict[str, str]:
        """Buy something for 100 EUR."""
        answer = self.session.post(self.url("/buy/"), data={"amount": "100"}, timeout=30)
        expect(answer.ok, f"buying was answered {answer.status_code}")
        order: dict[str, str] = answer.json()
        self.bought.append(order)
        return order

    def wait_for(self, orders: list[dict[str, str]], **wanted: str) -> None:
        """Wait until every order is so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.look(orders)
            others = [one for one in found.values() if not wanted.items() <= one.items()]
            if not others and len(found) == len(orders):
                return
            if time.monotonic() > deadline:
                raise StoryError(f"{len(others)} of {len(orders)} orders are not {wanted}: {others[:2]}")
            time.sleep(0.2)

    def settled(self, orders: list[dict[str, str]]) -> None:
        """Raise if an order was credited more or less than once."""
        time.sleep(0.3)
        wrong = [one for one in self.look(orders).values() if one["credits"] != 1]
        expect(not wrong, f"credited other than once: {wrong[:2]}")

    def wait_for_replica(self) -> None:
        """Wait until a late replica has all. Not two seconds, after which gunicorn closes an idle connection."""
        time.sleep(self.lag * 3)

    def look(self, orders: list[dict[str, str]]) -> dict[str, Any]:
        """Ask the shop how orders stand."""
        answer: dict[str, Any] = self.get("/orders/", key=[order["order"] for order in orders]).json()
        return answer

    def resend(self, orders: list[dict[str, str]]) -> None:
        """Let the gateway send every callback of these orders again, several at once."""
        ids = {order["gateway_id"] for order in orders}
        state = requests.get(f"{self.gateway}/control/state", timeout=60).json()
        again = [entry["id"] for entry in state["callbacks"] if entry["subject_id"] in ids]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: self.control("resend", callback_id=number), again))

    def control(self, action: str, **body: Any) -> Any:
        """Do something with the sandbox's control API."""
        answer = requests.post(f"{self.gateway}/control/{action}", json=body, timeout=60)
        expect(answer.ok, f"the sandbox answers {answer.status_code} to {action}: {answer.text[:200]}")
        return answer.json()

    def log_in(self) -> None:
        """Log in to the admin, as its form asks."""
        if "sessionid" in self.session.cookies:
            return
        form = self.get("/admin/login/").text
        self.post("/admin/login/", hidden(form) | {"username": self.desk, "password": "desk"})
        expect("sessionid" in self.session.cookies, "the admin does not let staff in")

    def get(self, path: str, *, any_status: bool = False, **query: Any) -> requests.Response:
        answer = self.session.get(self.url(path), params=query, timeout=60)
        expect(any_status or answer.status_code == 200, f"{path.partition('?')[0]} answers {answer.status_code}")
        return answer

    def post(self, path: str, values: dict[str, str]) -> requests.Response:
        return self.session.post(self.url(path), data=values, headers={"Referer": self.url(path)}, timeout=60)

    def url(self, path: str) -> str:
        """Return the address of a path. One that the shop told has its prefix already."""
        return self.shop + path if self.prefix and path.startswith(self.prefix) else self.shop + self.prefix + path


def expect(is_so: object, otherwise: str) -> None:
    """Raise StoryError with these words, unless it is so."""
    if not is_so:
        raise StoryError(otherwise)


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's forms."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", page):
        values = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if values.get("type") == "hidden" and "name" in values:
            found.setdefault(values["name"], values.get("value", ""))
    return found
