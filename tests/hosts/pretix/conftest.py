"""A pretix with one event, and the gateway: inside the test process, or a server of its own."""

import json
import re
import subprocess
import sys
import urllib.request

import pytest
from django.test import Client
from django_scopes import scopes_disabled
from pretix_cryptopay.accounts import PREFIX, SECRETS, account_name, forget_accounts
from shop import make_event, make_staff, pay, place_order


@pytest.fixture(autouse=True)
def without_scope():
    """Let tests read orders of all organizers; forget the accounts of the test before."""
    forget_accounts()
    with scopes_disabled():
        yield


@pytest.fixture
def event(transactional_db):
    return make_event()


@pytest.fixture
def staff(event):
    return make_staff(event)


class Gateway:
    """A sandbox server, and its control API."""

    def __init__(self, url):
        self.url = url

    def control(self, path, **data):
        """Do something as the customer, the network or the gateway's team; return the answer."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps(data).encode() if data else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/control/{path}", body, headers)) as answer:
            return json.load(answer)


@pytest.fixture
def gateway(event, live_server, settings, monkeypatch):
    """Start a sandbox for the test mode of the event: `python -m cryptopay_django.sandbox`."""
    settings.SITE_URL = settings.CRYPTOPAY_SITE_URL = live_server.url
    values = {name: event.settings.get(f"{PREFIX}test_{name}") for name in SECRETS}
    account = account_name(event, testmode=True)
    command = [sys.executable, "-m", "cryptopay_django.sandbox", "--port", "0", "--speed", "0"]
    command += ["--callback-url", f"{live_server.url}/_cryptopay/callbacks/{account}/"]
    for name, value in values.items():
        command += [f"--{name.replace('_', '-')}", value]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = next(found[1] for line in server.stdout if (found := re.search(r"API and pages +(http\S+)", line)))
    monkeypatch.setenv("PRETIX_CRYPTOPAY_SANDBOX_URL", url)
    forget_accounts()
    yield Gateway(url)
    server.terminate()
    server.wait()
    server.stdout.close()


@pytest.fixture
def backend(staff):
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def bought(event, cryptopay_sandbox):
    """An order that is paid, and money in the account for refunds."""
    order, invoice = place_order(event)
    cryptopay_sandbox.deposit("EUR", "1000", account=invoice.account)
    pay(cryptopay_sandbox, invoice)
    order.refresh_from_db()
    return order, invoice
