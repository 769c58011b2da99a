"""A small event of pretix with one ticket, as an organizer sets it up, and a customer who buys it."""

import re
from datetime import timedelta
from decimal import Decimal

from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import Event, Organizer, Team, User
from pretix_cryptopay.accounts import PREFIX, forget_accounts

from cryptopay_django.sandbox.addresses import make_address

PRICE = Decimal("100.00")
ADDRESS = make_address("bitcoin", seed="customer", index="refund")[0]
"""An address of the customer, for refunds."""

CREDENTIALS = {"api_key": "key", "api_secret": "secret", "callback_secret": "callback-secret"}


@scopes_disabled()
def make_event(slug="conf", *, testmode=False, credentials=CREDENTIALS):
    """Return an event over a ticket for 100 EUR that takes crypto payments, and is on sale."""
    organizer, _ = Organizer.objects.get_or_create(slug="orga", defaults={"name": "Orga"})
    event = Event.objects.create(
        organizer=organizer,
        name="Conference",
        slug=slug,
        currency="EUR",
        date_from=now() + timedelta(days=60),
        live=True,
        testmode=testmode,
        plugins="pretix_cryptopay",
    )
    event.settings.set("timezone", "UTC")
    event.settings.set("attendee_names_asked", False)
    quota = event.quotas.create(name="Tickets", size=1000)
    quota.items.add(event.items.create(name="Ticket", default_price=PRICE, admission=True))
    event.settings.set(f"{PREFIX}_enabled", True)
    for mode in ("live", "test"):
        for name, value in credentials.items():
            event.settings.set(f"{PREFIX}{mode}_{name}", f"{mode}-{slug}-{value}")
    forget_accounts()
    return event


@scopes_disabled()
def make_staff(event, email="staff@orga.example"):
    """Return a user who may do everything in the organizer's events; the password is the e-mail address."""
    user = User.objects.create_user(email, email)
    team = Team.objects.create(
        organizer=event.organizer,
        name="Staff",
        all_events=True,
        all_event_permissions=True,
        all_organizer_permissions=True,
    )
    team.members.add(user)
    return user


def fields_of(html, form=0):
    """Return the inputs of a form of a page that have a value, by name."""
    from bs4 import BeautifulSoup

    page = BeautifulSoup(html, "html.parser")
    forms = [one for one in page.find_all("form") if (one.get("method") or "get").lower() == "post"]
    found = {}
    for field in forms[form].find_all("input"):
        is_choice = field.get("type") in ("radio", "checkbox")
        if field.get("name") and (not is_choice or field.has_attr("checked")):
            found[field["name"]] = field.get("value", "on" if is_choice else "")
    return found


def order_of(url):
    """Return code and secret of an order from the URL of its page."""
    return re.search(r"/order/([A-Z0-9]+)/([a-z0-9]+)/", url).groups()


def buy(get, post, base, item, *, coin="BTC/bitcoin", email="ada@customer.example"):
    """Go through pretix' checkout, and return the URL of the order's page.

    `get` and `post` take a URL, follow redirects, and return the final URL and the page.
    """
    post(f"{base}cart/add", {f"item_{item.pk}": "1"})
    url, page = get(f"{base}checkout/start")
    for _ in range(6):
        if "/order/" in url:
            return url.split("?")[0]
        step = url.split("/checkout/")[1].split("/")[0]
        data = {"csrfmiddlewaretoken": fields_of(page).get("csrfmiddlewaretoken", "")}
        data |= {
            "questions": {"email": email},
            "payment": {"payment": "cryptopay", "coin": coin},
            "confirm": {},
        }[step]
        url, page = post(url, data)
    raise AssertionError(f"the checkout does not end: {url}\n{page}")


def place_order(event, *, as_user=None, coin="BTC/bitcoin"):
    """Buy a ticket at the checkout with Django's test client; return the order and its invoice."""
    from django.test import Client
    from pretix.base.models import Order

    from cryptopay_django.models import Invoice

    customer = Client()
    if as_user:
        customer.force_login(as_user)

    def go(done, url):
        return (done.redirect_chain[-1][0] if done.redirect_chain else url), done.content.decode()

    url = buy(
        lambda url: go(customer.get(url, follow=True), url),
        lambda url, data: go(customer.post(url, data, follow=True), url),
        f"/{event.organizer.slug}/{event.slug}/",
        event.items.get(),
        coin=coin,
    )
    order = Order.objects.get(code=order_of(url)[0])
    return order, Invoice.objects.for_order(order.payments.get()).get()


def url_of(order):
    """Return the path of the customer's page of an order."""
    return f"/orga/conf/order/{order.code}/{order.secret}/"


def decide_url(order, invoice):
    """Return the path of the page on which staff decide about a payment."""
    return f"/control/event/orga/conf/orders/{order.code}/cryptopay/{invoice.pk}/"


def pay(sandbox, invoice, factor="1", *, expire=False):
    """Pay an invoice from the customer's wallet, and let pretix hear of it."""
    sandbox.pay(invoice, factor)
    sandbox.confirm(invoice)
    if expire:
        sandbox.advance(minutes=11)
    sandbox.deliver()
    invoice.refresh_from_db()


def log_of(order):
    """Return the texts of an order's log, as staff read them."""
    return [entry.display() for entry in order.all_logentries()]
