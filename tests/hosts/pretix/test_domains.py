"""The payment pages on the domains that pretix can have, and under its content security policy."""

import pytest
from django.test import Client
from pretix.multidomain.models import KnownDomain
from shop import place_order

PAGES = ["", "status/", "events/", "receipt/"]


@pytest.fixture
def paid(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    return order, invoice


@pytest.mark.parametrize("page", PAGES)
def test_on_the_main_domain(paid, page):
    response = Client().get(f"/_cryptopay/checkout/{paid[1].pk}/{page}")

    assert response.status_code == (204 if page == "events/" else 200)
    policy = response.headers.get("Content-Security-Policy", "script-src 'self'")
    assert "'self'" in policy
    assert "'none' 'self'" not in policy.replace("object-src 'none'", "")


@pytest.mark.parametrize("below", ["/orga/conf", "/orga"])
def test_below_an_event_and_its_organizer(paid, below):
    assert Client().get(f"{below}/_cryptopay/checkout/{paid[1].pk}/status/").json()["state"] == "completed"


def domain_of(event, mode):
    if mode == KnownDomain.MODE_ORG_DOMAIN:
        KnownDomain.objects.create(domainname="tickets.example", organizer=event.organizer, mode=mode)
        return f"/{event.slug}/"
    if mode == KnownDomain.MODE_EVENT_DOMAIN:
        KnownDomain.objects.create(domainname="tickets.example", organizer=event.organizer, event=event, mode=mode)
        return "/"
    known = KnownDomain.objects.create(domainname="tickets.example", organizer=event.organizer, mode=mode)
    known.event_assignments.create(event=event)
    return f"/{event.slug}/"


@pytest.mark.parametrize("mode", [mode for mode, _ in KnownDomain.MODES])
def test_the_order_page_shows_the_panel_on_every_kind_of_domain(event, cryptopay_sandbox, settings, mode):
    order, invoice = place_order(event)
    prefix = domain_of(event, mode)
    client = Client(headers={"host": "tickets.example"})

    page = client.get(f"{prefix}order/{order.code}/{order.secret}/").content.decode()

    assert invoice.address in page
    status = page.split('data-status-url="')[1].split('"')[0]
    panel = page.split('data-panel-url="')[1].split('"')[0].replace("&amp;", "&")
    events = page.split('data-events-url="')[1].split('"')[0]
    assert status.startswith("/_cryptopay/")
    assert client.get(status).json()["state"] == "waiting"
    assert invoice.address in client.get(panel).content.decode()
    assert client.get(events).status_code == 204


def test_callbacks_arrive_on_the_main_domain_alone(event, cryptopay_sandbox):
    assert Client().post(f"/_cryptopay/callbacks/e{event.pk}/", b"{}", "application/json").status_code == 401
