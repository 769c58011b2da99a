"""How rows are put into words on the desk: states, differences, lengths of time, and what came of an act."""

from __future__ import annotations

import pickle
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import override

from cryptopay_django.admin import display, invoice_page, previews
from cryptopay_django.admin.invoice_columns import page_of
from cryptopay_django.admin.result_message import message_of
from cryptopay_django.models import Callback, Resolution
from cryptopay_django.testing.factories import CallbackFactory, ChannelPaymentFactory, InvoiceFactory, RefundFactory

IN_THE_COIN = {"price_currency": "BTC", "price_amount": Decimal("0.002"), "exchange_rate": None}


@pytest.mark.django_db
def test_titles_of_rows_are_in_the_language_of_the_staff():
    invoice = InvoiceFactory()
    resolution = Resolution.objects.create(invoice=invoice, kind="settle", status="sent", actor="ada")
    rows = [
        invoice,
        resolution,
        RefundFactory(invoice=invoice),
        CallbackFactory(outcome="stale"),
        ChannelPaymentFactory(),
    ]

    with override("de"):
        german = [str(row) for row in rows]

    assert german[0] == f"{invoice.custom_id} (100 EUR in BTC, neu)"
    assert german[1] == f"Abrechnung, {invoice.pk} (gesendet)"
    assert not set(" ".join(german).replace("(", " ").replace(")", " ").split()) & {"new", "pending", "stale", "of"}


def test_an_invoice_that_was_not_paid_in_time_is_shown_as_expired():
    late = InvoiceFactory.build(expires_at=timezone.now() - timedelta(seconds=1))
    waiting = InvoiceFactory.build()

    assert "expired" in display.state_badges(late, timezone.now())
    assert "expired" not in display.state_badges(waiting, timezone.now())


@pytest.mark.parametrize(
    ("values", "price"),
    [
        ({"paid_amount": Decimal("0.001")}, Decimal("50.00")),
        ({"paid_amount": Decimal("0.003")}, Decimal("50.00")),
        ({"paid_amount": Decimal("0.001"), "exchange_rate": None}, Decimal("50.00")),
        ({"paid_amount": Decimal("0.001"), "exchange_rate": Decimal("50061.31")}, Decimal("50.00")),
        ({"paid_amount": Decimal("0.001"), **IN_THE_COIN}, Decimal("0.001")),
    ],
)
def test_a_difference_is_told_in_the_coin_and_in_the_price_where_there_is_a_rate(values, price):
    invoice = InvoiceFactory.build(**values)

    found = display.difference(invoice)

    assert (found.coin, found.price) == (Decimal("0.001"), price)
    assert found.is_missing is (invoice.paid_amount < invoice.pay_amount)
    assert ("≈" in display.difference_html(invoice)) is (price == 50)


@pytest.mark.parametrize("paid", ["0", "0.002"])
def test_nothing_paid_and_enough_paid_are_no_difference(paid):
    invoice = InvoiceFactory.build(paid_amount=Decimal(paid))

    assert (display.difference(invoice), display.difference_html(invoice)) == (None, display.NOTHING)


@pytest.mark.parametrize(
    ("length", "shown"),
    [({"seconds": 59}, "now"), ({"minutes": 59}, "59 min"), ({"minutes": 60}, "1 h"), ({"hours": 47}, "47 h"),
     ({"hours": 48}, "2 days"), ({"days": 30}, "30 days"), ({"minutes": -5}, "now")],
)  # fmt: skip
def test_a_length_of_time_is_told_by_its_largest_unit(length, shown):
    assert display.span(timedelta(**length)) == shown


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("finance", 404), ("bare", 403), ("superuser", 404)])
def test_acts_on_what_is_not_there_are_refused_before_they_are_not_found(login, role, status):
    client = login(role)
    nowhere = "00000000-0000-4000-8000-000000000000"

    for name in ("invoice_refund", "resolution_approve"):
        assert client.get(reverse(f"admin:cryptopay_django_{name}", args=[nowhere])).status_code == status


def test_what_a_new_invoice_waits_for_is_said():
    now = timezone.now()
    late = InvoiceFactory.build(expires_at=now - timedelta(seconds=1))

    said = [invoice_page._new(invoice, now) for invoice in (InvoiceFactory.build(), late)]

    assert said[0] == "Waiting for the customer's payment."
    assert said[1].startswith("Not paid in time.")
    assert invoice_page._new(InvoiceFactory.build(paid_amount=Decimal(1)), now).startswith("A payment was seen,")


@pytest.mark.django_db
def test_groups_are_not_made_before_there_are_permissions(capsys):
    call_command("cryptopay_groups", verbosity=0)
    assert capsys.readouterr().out == ""
    Permission.objects.filter(codename="refund_invoice").delete()

    with pytest.raises(CommandError, match="no permissions refund_invoice yet: run migrate"):
        call_command("cryptopay_groups")


@pytest.mark.django_db
def test_resolutions_are_listed_by_whether_they_are_under_way(login):
    invoice = InvoiceFactory()
    for active, error in ((True, "under way"), (None, "over")):
        Resolution.objects.create(invoice=invoice, kind="refund", actor=error, reason="asked", active=active)

    invoice_page = login("superuser").get(reverse("admin:cryptopay_django_resolution_changelist"), {"state": "active"})

    assert [row.actor for row in invoice_page.context["cl"].queryset] == ["under way"]


def test_what_stands_beside_the_figures_of_a_payment():
    short = InvoiceFactory.build(paid_amount=Decimal("0.001"))
    in_the_coin = InvoiceFactory.build(paid_amount=Decimal("0.001"), **IN_THE_COIN)

    notes = [previews._payment_rows(invoice)[-1][-1] for invoice in (InvoiceFactory.build(), short, in_the_coin)]

    assert notes == ["", "0.001 BTC is missing (≈ 50.00 EUR)", "0.001 BTC is missing"]


def resolution(**values):
    asked = {"kind": "refund", "actor": "ada", "reason": "asked", "created_at": timezone.now(), **values}
    return Resolution(invoice=InvoiceFactory.build(status="refunded", paid_amount=Decimal("0.001")), **asked)


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({"status": "planned", "needs_approval": True}, messages.WARNING, "Nothing was sent yet"),
        ({"status": "succeeded"}, messages.SUCCESS, "Refunded. The invoice is refunded."),
        (
            {"status": "succeeded", "result": {"amount": "0.001", "currency": "BTC", "address": "there"}},
            messages.SUCCESS,
            "Refunded: 0.001 BTC to there, fee 0.",
        ),
        ({"status": "failed", "error": "too risky"}, messages.ERROR, "did not do it: too risky"),
        ({"status": "unknown"}, messages.WARNING, "Do nothing"),
        ({"status": "sent"}, messages.WARNING, "Do nothing"),
    ],
)
def test_what_came_of_an_act_is_told(values, level, words):
    shown = message_of(resolution(**values))

    assert shown[0] == level
    assert words in shown[1]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"refund_overage": True}, "the overage is refunded to OUR OWN coin account"),
        ({"address": "tb1there"}, "The refund goes to the address tb1there."),
        ({"address": None}, "The customer gets nothing."),
    ],
)
def test_the_second_person_reads_where_the_coins_would_go(parameters, words):
    shown = previews.approve_context(resolution(parameters={"call": "create_refund", **parameters}))

    assert words in str(shown)


@pytest.mark.parametrize("environment", ["production", "sandbox", "127.0.0.1:8100"])
@pytest.mark.django_db
def test_an_invoice_says_whether_it_is_of_the_live_gateway_or_of_a_test(settings, environment):
    url = {"production": "production", "sandbox": "sandbox"}.get(environment, f"http://{environment}")
    accounts = settings.CRYPTOPAY_ACCOUNTS
    settings.CRYPTOPAY_ACCOUNTS = {**accounts, "default": {**accounts["default"], "BASE_URL": url}}
    is_live = environment == "production"
    invoice = InvoiceFactory(environment=environment)

    assert ("test" in display.state_badges(invoice, timezone.now())) is not is_live
    assert display.environment(invoice) == ("live" if is_live else f"test ({environment})")


@pytest.mark.django_db
def test_an_order_that_cannot_say_its_name_is_shown_by_its_key(monkeypatch, login):
    order = User.objects.create(username="order")
    invoice = InvoiceFactory(order=order)
    client = login("superuser")

    def needs_what_is_gone(self):
        raise Permission.DoesNotExist("the permission of this order is gone")

    monkeypatch.setattr(User, "__str__", needs_what_is_gone)

    for url in (reverse("admin:cryptopay_django_invoice_changelist"),
                reverse("admin:cryptopay_django_invoice_change", args=[invoice.pk])):  # fmt: skip
        assert f"user {order.pk}" in client.get(url).text


@pytest.mark.django_db
@pytest.mark.parametrize("may_see", [True, False])
def test_the_timeline_leads_to_callbacks_only_whom_they_are_shown(login, client, may_see):
    callback = CallbackFactory(invoice=InvoiceFactory())
    person = User.objects.create(username="ada", is_staff=True)
    granted = ["view_invoice", *(["view_callback"] if may_see else [])]
    person.user_permissions.set(Permission.objects.filter(codename__in=granted))
    client.force_login(person)
    there = reverse("admin:cryptopay_django_callback_change", args=[callback.pk])

    invoice_page = client.get(reverse("admin:cryptopay_django_invoice_change", args=[callback.invoice_id])).text

    assert (f'href="{there}"' in invoice_page) is may_see
    assert client.get(there).status_code == (200 if may_see else 403)


@pytest.mark.parametrize("may_see", [True, False])
@pytest.mark.parametrize(
    ("page", "links_to"),
    [
        ("invoice_changelist", "user"),
        ("invoice_change", "user"),
        ("channel_changelist", "user"),
        ("channel_change", "user"),
        ("channel_change", "channelpayment"),
        ("channelpayment_changelist", "channel"),
        ("channelpayment_change", "channel"),
        ("invoice_ledger", "channelpayment"),
        ("callback_changelist", "invoice"),
        ("callback_change", "invoice"),
        ("callback_change", "channelpayment"),
        ("resolution_changelist", "invoice"),
        ("resolution_change", "invoice"),
        ("refund_changelist", "invoice"),
        ("refund_change", "invoice"),
        ("refund_change", "resolution"),
    ],
)
def test_a_page_leads_to_another_only_whom_it_is_shown(login, client, desk, page, links_to, may_see):
    payment = desk.topped_up()
    invoice = InvoiceFactory(order=payment.channel.owner)
    resolution = Resolution.objects.create(invoice=invoice, kind="refund", actor="ada", reason="asked")
    rows = {
        "invoice": invoice,
        "channel": payment.channel,
        "channelpayment": payment,
        "user": invoice.order,
        "callback": CallbackFactory(invoice=invoice, channel_payment=payment),
        "resolution": resolution,
        "refund": RefundFactory(invoice=invoice, resolution=resolution),
    }
    person = User.objects.create(username="ada", is_staff=True)
    granted = {"view_invoice", "view_ledger", f"view_{page.partition('_')[0]}"} - {f"view_{links_to}"}
    granted |= {f"view_{links_to}"} if may_see else set()
    person.user_permissions.set(Permission.objects.filter(codename__in=granted))
    client.force_login(person)
    here = desk.url(page, *([rows[page.removesuffix("_change")].pk] if page.endswith("_change") else []))
    app = "auth" if links_to == "user" else "cryptopay_django"
    there = reverse(f"admin:{app}_{links_to}_change", args=[rows[links_to].pk])

    text = client.get(here).text

    assert (f'href="{there}"' in text) is may_see
    assert client.get(there).status_code == (200 if may_see else 403)


def test_a_row_that_is_shown_can_be_stored_in_a_cache(client, admin_user, monkeypatch):
    """An app that caches querysets pickles rows, and what they belong to: the invoice of a timeline's callbacks."""
    invoice = CallbackFactory(invoice=InvoiceFactory()).invoice
    client.force_login(admin_user)
    shown, fetch = [], QuerySet._fetch_all

    def fetch_and_pickle(rows):
        fetch(rows)
        if rows.model is Callback:
            shown.append(pickle.loads(pickle.dumps(rows._result_cache)))

    monkeypatch.setattr(QuerySet, "_fetch_all", fetch_and_pickle)

    page = client.get(reverse("admin:cryptopay_django_invoice_change", args=[invoice.pk]))

    assert page.status_code == 200
    assert [row.invoice_id for rows in shown for row in rows]


def test_an_amount_has_no_zeros_behind_it_but_those_of_its_currency():
    written = [display.amount(Decimal(value), code) for value, code in (("0.00113700", "BTC"), ("61.000", "EUR"))]

    assert [*written, display.amount(Decimal("1E+2"), "JPY")] == ["0.001137 BTC", "61.00 EUR", "100 JPY"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["callback", "refund", "resolution"])
def test_a_list_names_an_invoice_as_the_shop_does_and_has_no_english_words_of_its_state(login, name):
    invoice = InvoiceFactory(custom_id="order-17")
    CallbackFactory(invoice=invoice)
    RefundFactory(invoice=invoice)
    Resolution.objects.create(invoice=invoice, kind="refund", actor="ada", reason="asked")

    page = login("superuser").get(reverse(f"admin:cryptopay_django_{name}_changelist")).text

    assert ">order-17</a>" in page
    assert str(invoice) not in page


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["2026_11_23", "A/7 b", "7"])
def test_the_link_to_an_order_leads_there_whatever_is_in_its_key(client, admin_user, settings, key):
    site = AdminSite()
    site.register(Session, ModelAdmin)

    class Urls:
        urlpatterns = (path("admin/", site.urls),)

    settings.ROOT_URLCONF = Urls
    order = Session.objects.create(session_key=key, expire_date=timezone.now())
    client.force_login(admin_user)

    page = client.get(page_of(order, site, None))

    assert page.context["original"] == order


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["callback", "refund", "resolution"])
def test_what_belongs_to_an_invoice_is_found_by_each_name_of_it(login, name):
    invoice = InvoiceFactory(custom_id="cb745289-0000-4000-8000-000000000000")
    for one in (invoice, InvoiceFactory()):
        CallbackFactory(invoice=one)
        RefundFactory(invoice=one)
        Resolution.objects.create(invoice=one, kind="refund", actor="ada", reason="asked")
    client, url = login("superuser"), reverse(f"admin:cryptopay_django_{name}_changelist")

    for term in (
        "cb745289",
        "CB745289…",
        "\u2066cb745289…\u2069",
        invoice.custom_id,
        str(invoice.pk),
        str(invoice.gateway_id),
    ):
        assert [row.invoice for row in client.get(url, {"q": term}).context["cl"].result_list] == [invoice], term
