"""A pretix with one event, and the gateway: inside the test process, or a server of its own."""

import pytest
from django.test import Client
from django_scopes import scopes_disabled
from pretix_cryptopay.accounts import PREFIX, SECRETS, account_name, forget_accounts
from serving import free_ports, sandbox
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


@pytest.fixture
def gateway(event, live_server, settings, monkeypatch, tmp_path):
    """Start a sandbox for the test mode of the event: `python -m cryptopay_django.sandbox`."""
    settings.SITE_URL = settings.CRYPTOPAY_SITE_URL = live_server.url
    credentials = {name: event.settings.get(f"{PREFIX}test_{name}") for name in SECRETS}
    callback_url = f"{live_server.url}/_cryptopay/callbacks/{account_name(event, testmode=True)}/"
    (port,) = free_ports(1)
    with sandbox(f"127.0.0.1:{port}", callback_url, tmp_path, speed="0", **credentials) as running:
        monkeypatch.setenv("PRETIX_CRYPTOPAY_SANDBOX_URL", running.url)
        forget_accounts()
        yield running


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
