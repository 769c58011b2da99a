"""Every role against every URL and verb; and a POST without the permission changes nothing anywhere."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core import serializers
from django.core.management import call_command
from django.urls import reverse

from cryptopay_django.models import (
    Callback,
    Channel,
    ChannelPayment,
    HandlerDelivery,
    Invoice,
    InvoiceEvent,
    Payment,
    PaymentLink,
    Resolution,
)
from cryptopay_django.services import create_payment_link, settle_invoice
from cryptopay_django.testing.factories import (
    ChannelFactory,
    ChannelPaymentFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    RefundFactory,
)

ROLES = ["anonymous", "bare", "viewer", "support", "finance", "fraud", "monitoring", "counter", "superuser"]
SEE = {"viewer", "support", "finance", "fraud", "monitoring", "superuser"}
SETTLE = {"support", "finance", "superuser"}
REFUND = {"finance", "superuser"}
RELEASE = {"finance", "fraud", "superuser"}
AGAIN = {"finance", "superuser"}
REFRESH = {"support", "finance", "fraud", "superuser"}
SWITCH = LEDGER = {"finance", "superuser"}
SEE_LINKS = SEE | {"counter"}
LINKS = {"support", "finance", "counter", "superuser"}
NOBODY: set[str] = set()

# page, whether its address has an object's id, who may GET it, who may POST to it (None: the verb is refused).
TABLE = [
    ("invoice_changelist", "", SEE, SEE),
    ("invoice_overview", "", SEE, SEE),
    ("invoice_doctor", "", SEE, SEE),
    ("invoice_change", "invoice", SEE, NOBODY),
    ("invoice_history", "invoice", SEE, SEE),
    ("invoice_add", "", NOBODY, NOBODY),
    ("invoice_delete", "invoice", NOBODY, NOBODY),
    ("invoice_settle", "invoice", SETTLE, SETTLE),
    ("invoice_refund", "invoice", REFUND, REFUND),
    ("invoice_release", "quarantined", RELEASE, RELEASE),
    ("invoice_refresh", "invoice", None, REFRESH),
    ("invoice_retry", "event", None, REFRESH),
    ("invoice_retry_call", "call", None, REFRESH),
    ("invoice_bulk", "settle", None, SETTLE),
    ("invoice_bulk", "refund", None, REFUND),
    ("invoice_deliver_again", "", None, AGAIN),
    ("invoice_export", "all", SEE, SEE),
    ("callback_changelist", "", SEE, SEE),
    ("callback_change", "callback", SEE, NOBODY),
    ("refund_changelist", "", SEE, SEE),
    ("refund_change", "returned", SEE, NOBODY),
    ("resolution_changelist", "", SEE, SEE),
    ("resolution_change", "resolution", SEE, NOBODY),
    ("resolution_approve", "resolution", SETTLE, SETTLE),
    ("resolution_withdraw", "resolution", SETTLE, SETTLE),
    ("resolution_look", "resolution", None, REFRESH),
    ("invoice_ledger", "", LEDGER, LEDGER),
    ("invoice_statement", "", LEDGER, LEDGER),
    ("invoice_books", "", LEDGER, LEDGER),
    ("invoice_books_close", "", LEDGER, LEDGER),
    ("channel_changelist", "", SEE, SEE),
    ("channel_change", "channel", SEE, NOBODY),
    ("channel_add", "", NOBODY, NOBODY),
    ("channel_delete", "channel", NOBODY, NOBODY),
    ("channel_enable", "disabled", SWITCH, SWITCH),
    ("channel_disable", "channel", SWITCH, SWITCH),
    ("channel_refresh", "channel", None, REFRESH),
    ("channel_several", "disable", None, SWITCH),
    ("channelpayment_changelist", "", SEE, SEE),
    ("channelpayment_change", "payment", SEE, NOBODY),
    ("channelpayment_add", "", NOBODY, NOBODY),
    ("channelpayment_delete", "payment", NOBODY, NOBODY),
    ("channelpayment_release", "payment", RELEASE, RELEASE),
    ("channelpayment_refresh", "payment", None, REFRESH),
    ("channelpayment_deliver_again", "", None, AGAIN),
    ("paymentlink_changelist", "", SEE_LINKS, SEE_LINKS),
    ("paymentlink_change", "link", SEE_LINKS, NOBODY),
    ("paymentlink_add", "", LINKS, LINKS),
    ("paymentlink_delete", "link", NOBODY, NOBODY),
    ("paymentlink_cancel", "link", None, LINKS),
    ("paymentlink_qr", "link", SEE_LINKS, SEE_LINKS),
]


@pytest.fixture
def world(desk, settings):
    """One invoice to decide on, one in quarantine, a signal that failed, a resolution that waits."""
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": 500}
    invoice = desk.underpaid()
    waiting = settle_invoice(desk.underpaid("900"), actor="somebody else", reason="asked by phone")
    event = InvoiceEventFactory(invoice=invoice, attempts=1, last_error="Traceback")
    quarantined = InvoiceFactory(quarantine_reason="odd")
    payment = ChannelPaymentFactory(quarantine_reason="odd")
    return {
        "": (),
        "channel": (payment.channel_id,),
        "disabled": (ChannelFactory(status="disabled").pk,),
        "disable": ("disable",),
        "payment": (payment.pk,),
        "invoice": (invoice.pk,),
        "quarantined": (quarantined.pk,),
        "event": (invoice.pk, event.pk),
        "call": (invoice.pk, HandlerDelivery.objects.create(event=event, handler="shop.gone").pk),
        "callback": (Callback.objects.first().pk,),
        "resolution": (waiting.pk,),
        "link": (create_payment_link(actor="ada", price_currency="EUR", price_amount="5").pk,),
        "returned": (RefundFactory(invoice=quarantined).pk,),
        "settle": ("settle",),
        "refund": ("refund",),
        "all": ("all",),
    }


def everything():
    """Return every row that a decision could change, as text."""
    rows = [
        row
        for model in (
            Invoice,
            Payment,
            Callback,
            InvoiceEvent,
            HandlerDelivery,
            Resolution,
            LogEntry,
            Channel,
            ChannelPayment,
            PaymentLink,
        )
        for row in model.objects.order_by("pk")
    ]
    return serializers.serialize("json", rows)


@pytest.mark.parametrize("role", ROLES)
def test_every_page_and_verb_is_for_those_it_is_meant_for_and_a_refusal_changes_nothing(role, desk, world, login):
    client = login(role)
    before = everything()

    for page, needs, may_get, may_post in TABLE:
        url = desk.url(page, *world[needs])
        for verb, allowed in (("get", may_get), ("post", may_post)):
            if verb == "post" and role in (may_post or ()):
                continue  # what an allowed POST does is told in the tests of each act
            posted = {"reason": "crafted", "version": "0", "invoice": f"{uuid4()}:0"} if verb == "post" else {}
            response = getattr(client, verb)(url, posted)
            if role == "anonymous":
                assert (response.status_code, "/login/" in response["Location"]) == (302, True), (page, verb)
            elif allowed is None:
                assert response.status_code in (405, 403), (page, verb)
            else:
                assert (response.status_code == 403) == (role not in allowed), (page, verb, response.status_code)
                assert response.status_code in (200, 403), (page, verb, response.status_code)

    assert everything() == before


@pytest.mark.parametrize("role", sorted(set(ROLES) - SETTLE - {"anonymous"}))
def test_a_crafted_post_with_all_it_needs_still_needs_the_permission(role, desk, world, login):
    """The form of somebody who may, sent by somebody who may not."""
    finance, other = login("finance"), login(role, "other")
    page = desk.url("invoice_settle", *world["invoice"])
    form = finance.get(page).context["form"]
    posted = {"reason": "x", "version": form["version"].value(), "quote": form["quote"].value()}
    before = everything()

    settled = other.post(page, posted)
    several = other.post(
        desk.url("invoice_bulk", "settle"), {"reason": "x", "invoice": f"{world['invoice'][0]}:{posted['version']}"}
    )

    assert (settled.status_code, several.status_code) == (403, 403)
    assert everything() == before


@pytest.mark.parametrize(
    "kind", ["invoice", "callback", "refund", "resolution", "channel", "channelpayment", "paymentlink"]
)
def test_who_may_look_at_one_kind_of_rows_gets_no_link_that_is_refused(kind, desk, world, login):
    client = login("bare")
    user = User.objects.get(username="bare")
    user.user_permissions.add(Permission.objects.get(codename=f"view_{kind}"))
    pages = [
        (page, needs)
        for page, needs, may_get, _ in TABLE
        if page.startswith(f"{kind}_") and "viewer" in (may_get or ())
    ]
    links = set()
    for page, needs in [*pages, ("invoice_overview", ""), ("invoice_change", "quarantined")]:
        response = client.get(desk.url(page, *world[needs]))
        assert response.status_code in (200, 403)
        if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
            found = re.findall(r'href="(/admin/cryptopay_django/[^"]*|[?][^"]*|[.][^"]*)"', response.text)
            links |= {urljoin(response.request["PATH_INFO"], html.unescape(link)) for link in found}

    assert links
    assert {link: status for link in links if (status := client.get(link).status_code) not in (200, 302)} == {}


def test_no_page_of_a_second_admin_site_leads_to_the_first(settings, desk, world, login):
    settings.ROOT_URLCONF = "tests.urls_two_desks"
    client = login("superuser")
    strays = set()
    for page, needs, may_get, _ in TABLE:
        response = client.get(reverse(f"backoffice:cryptopay_django_{page}", args=world[needs]))
        if may_get:
            assert response.status_code == 200, page
        if response["Content-Type"].startswith("text/html"):
            strays |= {(page, link) for link in re.findall(r'="(/admin/[^"]*)', response.text)}

    assert strays == set()


def test_an_action_of_the_list_is_offered_only_to_those_who_may(desk, world, login):
    finance, support, viewer = login("finance"), login("support"), login("viewer")
    url = desk.url("invoice_changelist")

    offered = {
        name: {choice[0] for choice in client.get(url).context["action_form"].fields["action"].choices if choice[0]}
        if client.get(url).context["action_form"]
        else set()
        for name, client in (("finance", finance), ("support", support), ("viewer", viewer))
    }

    assert offered == {
        "finance": {"mark_completed", "mark_refunded", "deliver_events_again"},
        "support": {"mark_completed"},
        "viewer": set(),
    }


def test_posts_need_the_csrf_token(desk, world, login):
    client = login("superuser")
    client.handler.enforce_csrf_checks = True

    for page, needs in [
        ("invoice_settle", "invoice"),
        ("invoice_refresh", "invoice"),
        ("resolution_approve", "resolution"),
    ]:
        assert client.post(desk.url(page, *world[needs]), {"reason": "x"}).status_code == 403


def test_whoever_may_not_refund_to_an_address_cannot_craft_one(desk, login):
    client = login("bare")
    person = User.objects.get(username="bare")
    person.user_permissions.set(Permission.objects.filter(codename__in=["view_invoice", "refund_invoice"]))
    invoice = desk.underpaid()
    url = desk.url("invoice_refund", invoice.pk)

    page = client.get(url)
    response = client.post(url, {"reason": "x", "version": invoice.version, "destination": "address", "address": "2N"})

    assert "address" not in page.context["form"].fields
    assert response.context["form"].errors["destination"]
    assert not Resolution.objects.exists()


def test_the_groups_are_made_once_and_keep_what_they_were_given(db):
    call_command("cryptopay_groups", verbosity=0)
    group = Group.objects.get(name="Cryptopay monitoring")
    before = group.permissions.count()
    group.permissions.add(Permission.objects.get(codename="refund_invoice"))

    call_command("cryptopay_groups", verbosity=0)

    assert Group.objects.filter(name__startswith="Cryptopay ").count() == 5
    assert group.permissions.count() == before + 1
