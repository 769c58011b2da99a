"""A customer buys a ticket over HTTP and gets the money back, with a sandbox server as the gateway."""

import re
from decimal import Decimal

import requests
from pretix.base.models import Order
from shop import buy, fields_of, order_of

from cryptopay_django.models import Invoice

COINS_TO = "2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm"


class Browser:
    """Keeps cookies and follows redirects, as a browser does."""

    def __init__(self, site):
        self.site, self.session = site, requests.Session()

    def get(self, url):
        done = self.session.get(requests.compat.urljoin(self.site, url), timeout=60)
        assert done.status_code == 200, done.text
        return done.url, done.text

    def post(self, url, data):
        url = requests.compat.urljoin(self.site, url)
        token = self.session.cookies.get("pretix_csrftoken", "")
        done = self.session.post(url, {"csrfmiddlewaretoken": token} | data, headers={"Referer": url}, timeout=60)
        assert done.status_code == 200, done.text
        return done.url, done.text


def test_a_ticket_is_bought_and_refunded(event, staff, gateway, live_server, mailoutbox):
    event.testmode = True
    event.save()
    customer, backend = Browser(live_server.url), Browser(live_server.url)
    control = f"{live_server.url}/control"
    _, page = backend.get(f"{control}/login")
    backend.post(f"{control}/login", fields_of(page) | {"email": staff.email, "password": staff.email})
    customer.session.cookies.update(backend.session.cookies)  # a shop in test mode is for its team only

    url = buy(customer.get, customer.post, f"{live_server.url}/orga/conf/", event.items.get())

    code, _ = order_of(url)
    order = Order.objects.get(code=code)
    payment = order.payments.get()
    invoice = Invoice.objects.for_order(payment).get()
    _, page = customer.get(url)
    assert (payment.state, order.testmode, invoice.account) == ("pending", True, f"e{event.pk}-test")
    assert invoice.address in page
    assert f"/_cryptopay/checkout/{invoice.pk}/status/" in page

    # The page follows the payment by this URL, which is polled: pretix runs under WSGI.
    status = re.search(r'data-status-url="([^"]+)"', page)[1]
    gateway.control("pay", invoice_id=str(invoice.gateway_id))
    assert customer.session.get(live_server.url + status, timeout=60).json()["state"] == "seen"
    gateway.control("confirm", invoice_id=str(invoice.gateway_id))
    assert customer.session.get(live_server.url + status, timeout=60).json()["state"] == "completed"

    order.refresh_from_db()
    payment.refresh_from_db()
    _, page = customer.get(url)
    assert (order.status, payment.state, payment.amount) == ("p", "confirmed", Decimal("100.00"))
    assert "We successfully received your payment" in page or "paid" in page.lower()
    assert any("payment" in mail.subject.lower() for mail in mailoutbox)

    # Staff refund 40 EUR in pretix' own screens, to the customer's address.
    gateway.control("deposit", currency="EUR", amount="500")
    page_of_order = f"{control}/event/orga/conf/orders/{code}/"
    start = {"start-mode": "partial", "start-partial_amount": "40.00", "start-action": "do_nothing"}
    _, page = backend.post(f"{page_of_order}refund", start)
    asked = {"perform": "true", "last_known_refund_id": "0", "newrefund-cryptopay": "40.00"}
    asked |= {"cryptopay-payment": str(payment.pk), "cryptopay-address": COINS_TO}
    backend.post(f"{page_of_order}refund", start | asked)

    refund = order.refunds.get()
    assert (refund.state, refund.amount) == ("transit", Decimal("40.00"))
    (withdrawal,) = (one for one in gateway.state()["withdrawals"] if one["status"] != "new")  # not the quote
    gateway.control("withdrawal", withdrawal_id=withdrawal["id"], decision="complete")
    refund.refresh_from_db()
    _, page = backend.get(page_of_order)
    assert refund.state == "done"
    assert COINS_TO in page
    assert order.payments.get().refunded_amount == Decimal("40.00")
