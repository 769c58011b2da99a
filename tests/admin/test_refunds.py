"""What staff see of refunds that need a tag, were answered otherwise, or have no outcome; and who confirms whose."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.admin import export, refund_books
from cryptopay_django.models import Invoice, Payment, Refund, Resolution
from cryptopay_django.services import process_overdue, refresh_invoice, refund_invoice
from cryptopay_django.services.snapshots.refund_rows import value_of
from cryptopay_django.testing.factories import RefundFactory
from tests.services.desk import ADDRESS, MONEY, REFUND, REFUNDS, Wire, unresolved

from .conftest import filled, told

RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
STELLAR = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def wire(cryptopay_sandbox, settings):
    wire = Wire(cryptopay_sandbox)
    settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
    return wire


def refund_to(client, desk, invoice, **values):
    url = desk.url("invoice_refund", invoice.pk)
    asked = filled(client.get(url), reason="agreed by phone", destination="address", **values)
    return client.post(url, asked, follow=True)


@pytest.mark.parametrize(
    ("coin", "address", "label"), [("XRP", RIPPLE, "Destination tag"), ("XLM", STELLAR, "Memo ID")]
)
def test_the_form_asks_for_the_tag_and_sends_it(client, desk, wire, coin, address, label):
    invoice = unresolved(desk.sandbox, pay_currency=coin)

    missing = refund_to(client, desk, invoice, address=address)
    assert missing.context["form"].errors["tag"]
    assert (label in missing.text, "exchange" in missing.text, wire.count(MONEY)) == (True, True, 0)
    wrong = refund_to(client, desk, invoice, address=address, tag="not a number")
    assert wrong.context["form"].errors["tag"]
    done = refund_to(client, desk, invoice, address=address, tag="77")

    assert "Refunded" in told(done)
    assert [refund.address for refund in desk.sandbox.invoice(invoice).refunds] == [f"{address}?dt=77"]


def test_a_wallet_of_ones_own_needs_no_tag_if_a_person_says_so(client, desk, wire):
    invoice = unresolved(desk.sandbox, pay_currency="XRP")

    refund_to(client, desk, invoice, address=RIPPLE, without_tag="on")

    assert [refund.address for refund in desk.sandbox.invoice(invoice).refunds] == [RIPPLE]
    assert Resolution.objects.get().parameters["without_tag"]


def test_our_own_account_has_no_tag(client, desk, wire):
    invoice = unresolved(desk.sandbox, pay_currency="XRP")

    page = client.post(
        desk.url("invoice_refund", invoice.pk),
        {"version": invoice.version, "reason": "x", "destination": "own_account", "tag": "77"},
    )

    assert page.context["form"].errors["tag"]
    assert wire.count(MONEY) == 0


def test_the_form_names_the_value_that_the_books_will_have(client, desk):
    invoice = desk.underpaid()
    Invoice.objects.update(exchange_rate=Decimal("50061.31"))  # rates are shown less precisely than they are applied
    form = client.get(desk.url("invoice_refund", invoice.pk)).context

    refund_to(client, desk, invoice, address=ADDRESS)

    (value,) = [text for label, text, _ in form["amounts"] if label == "worth"]
    assert value == f"{Refund.objects.get().value_amount:.2f} EUR"


def test_the_overview_counts_the_same_value(client, desk):
    desk.underpaid()
    Invoice.objects.update(exchange_rate=Decimal("50061.31"))
    value = value_of(invoice := Invoice.objects.get(), invoice.paid_amount)

    ((task, _oldest),) = client.get(desk.url("invoice_overview")).context["tasks"]

    assert task.money == [f"{value:.2f} EUR"]


def test_where_there_are_no_tags_nobody_is_asked_for_one(client, desk):
    form = client.get(desk.url("invoice_refund", desk.underpaid().pk)).context["form"]

    assert not {"tag", "without_tag"} & set(form.fields)


def test_a_payment_from_an_exchange_warns_of_the_tag(client, desk):
    invoice = unresolved(desk.sandbox, pay_currency="XRP")
    Payment.objects.update(risk_resource_category="Exchange", risk_resource_name="Bitstamp")

    assert "Bitstamp" in client.get(desk.url("invoice_refund", invoice.pk)).text


def test_refresh_reads_a_refund_that_is_under_way(client, desk):
    invoice = desk.underpaid()
    refund_to(client, desk, invoice, address=ADDRESS)
    assert Refund.objects.get().status == "pending"
    desk.sandbox.advance(minutes=30)
    url = desk.url("invoice_refresh", invoice.pk)

    page = client.post(url, follow=True)

    assert Refund.objects.get().status == "succeeded"
    assert "The invoice was updated." in told(page)
    assert "reports no change" in told(client.post(url, follow=True))


def test_refresh_says_if_the_refunds_could_not_be_read(client, desk, wire):
    invoice = desk.underpaid()
    refund_to(client, desk, invoice, address=ADDRESS)
    wire.fail(REFUNDS, "5xx")

    page = client.post(desk.url("invoice_refresh", invoice.pk), follow=True)

    assert "refunds could not be read" in told(page)


def test_coins_that_went_elsewhere_are_an_alarm_on_the_page_and_in_the_list(client, desk, wire):
    invoice = unresolved(desk.sandbox)
    wire.change(REFUND, lambda data: data.update(address=None))

    page = refund_to(client, desk, invoice, address=ADDRESS)

    (message,) = page.context["messages"]
    assert message.level_tag == "error"
    assert "NOT as requested" in str(message)
    assert "merchant&#x27;s own account" in page.text
    assert "done, but not as asked" in client.get(desk.url("resolution_changelist")).text


def test_staff_read_why_the_gateway_refused(client, desk, wire):
    wire.fail(REFUND, "refused")

    page = refund_to(client, desk, unresolved(desk.sandbox), address=ADDRESS)

    assert "amount: is below 0.0002 BTC" in told(page)


@pytest.fixture
def lost(desk, wire):
    invoice = unresolved(desk.sandbox)
    wire.fail(REFUND, "timeout")
    refund_invoice(invoice, actor="ada", reason="ticket 4711", address=ADDRESS)
    wire.heal()
    Resolution.objects.update(sent_at=timezone.now() - timedelta(minutes=21))
    return Resolution.objects.get()


def test_a_person_ends_what_nothing_is_known_of_having_read_what_was_asked(client, desk, lost):
    url = desk.url("resolution_end", lost.pk)
    assert url in client.get(desk.url("invoice_change", lost.invoice_id)).text
    form = client.get(url)
    assert all(text in form.text for text in (ADDRESS, "ada", "ticket 4711", "coins could be sent twice"))

    unchecked = client.post(url, filled(form, reason="nothing there"))
    assert unchecked.context["form"].errors["checked"]
    page = client.post(url, filled(form, reason="nothing there", checked="on"), follow=True)

    lost.refresh_from_db()
    assert (lost.status, lost.error) == ("failed", "ended by finance, where the gateway showed nothing: nothing there")
    assert "nothing there" in told(page)
    assert lost.invoice.events.get(kind="resolution_ended").actor == "finance"


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("support", 403), ("anonymous", 302)])
def test_who_may_not_refund_may_not_end_a_refund(login, desk, lost, role, status):
    url = desk.url("resolution_end", lost.pk)

    client = login(role)
    assert client.post(url, {"reason": "x", "checked": "on", "version": lost.invoice.version}).status_code == status

    lost.refresh_from_db()
    assert lost.active


def test_a_young_one_offers_no_end_and_refuses_one(client, desk, lost):
    Resolution.objects.update(sent_at=timezone.now())
    url = desk.url("resolution_end", lost.pk)
    assert url not in client.get(desk.url("invoice_change", lost.invoice_id)).text

    page = client.post(
        url, {"reason": "x", "checked": "on", "version": refresh_invoice(lost.invoice).version}, follow=True
    )

    assert "still be on its way" in told(page)


def test_two_of_one_name_can_confirm_for_each_other_and_nobody_confirms_under_a_new_name(login, desk, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    ada = login("finance", "ada")
    invoice = desk.underpaid()
    refund_to(ada, desk, invoice, address=ADDRESS)
    User.objects.filter(username="ada").update(username="adele")
    other = login("finance", "ada")
    approve = desk.url("resolution_approve", Resolution.objects.get().pk)

    assert approve not in ada.get(desk.url("invoice_change", invoice.pk)).text
    assert "You planned this yourself" in told(ada.get(approve, follow=True))
    assert approve in other.get(desk.url("invoice_change", invoice.pk)).text
    other.post(approve, filled(other.get(approve)))

    assert Resolution.objects.get().status == "succeeded"


def test_the_list_of_refunds_is_filtered_by_state_cause_and_coin(client):
    sent = RefundFactory(status="succeeded", txid="ab" * 32, cause="person", address=RIPPLE, destination_tag="77")
    own = RefundFactory(currency="ETH", cause="account")
    url = reverse("admin:cryptopay_django_refund_changelist")

    def shown(**query):
        return {row.pk for row in client.get(url, query).context["cl"].queryset}

    assert shown() == {sent.pk, own.pk}
    assert shown(state="succeeded") == shown(cause="person") == shown(currency="BTC") == {sent.pk}
    assert shown(state="pending") == shown(cause="account") == shown(currency="ETH") == {own.pk}
    assert shown(q="ab" * 32) == {sent.pk}
    page = client.get(url).text
    assert "on hold at the gateway" in page
    assert "0.001 BTC" in page
    assert "50.00 EUR" in page
    assert f'title="{RIPPLE}">{RIPPLE[:8]}…{RIPPLE[-6:]}<' in page, "a whole address is as wide as the list"
    assert "tag 77" in page
    assert "our own coin account" in page


def test_the_list_of_refunds_finds_what_the_gateway_holds_back(client):
    held = RefundFactory(withdrawal_status="on_hold")
    RefundFactory(withdrawal_status="processing")
    RefundFactory(withdrawal_status="on_hold", status="failed")
    url = reverse("admin:cryptopay_django_refund_changelist")

    page = client.get(url, {"state": "on_hold"})

    assert [row.pk for row in page.context["cl"].queryset] == [held.pk]
    assert ">on hold</span>" in page.text


def test_the_page_of_a_refund_shows_all_of_it_and_changes_nothing(client):
    refund = RefundFactory(fee_amount=Decimal("0.00001"), fee_currency="BTC", txid="ab" * 32)

    page = client.get(reverse("admin:cryptopay_django_refund_change", args=[refund.pk]))

    assert "0.00001 BTC" in page.text
    assert "ab" * 32 in page.text
    assert str(refund) == "0.001 BTC (pending)"
    assert 'type="submit"' not in page.text.partition('id="content-main"')[2]


def test_the_page_of_an_invoice_shows_what_went_back_and_who_wanted_it(client, desk, wire):
    invoice = unresolved(desk.sandbox)
    refund_invoice(invoice, actor="ada", reason="agreed by phone", address=ADDRESS)
    desk.sandbox.advance(minutes=2)
    Invoice.objects.update(refunds_due_at=timezone.now())
    process_overdue()

    page = client.get(desk.url("invoice_change", invoice.pk)).text

    (there,) = desk.sandbox.invoice(invoice).refunds
    assert f"{there.amount.normalize():f} BTC" in page
    assert "ada: agreed by phone" in page
    assert there.txid in page
    assert "refund succeeded" in page


def test_refunds_are_added_up_by_month_state_and_coin(client):
    march = datetime(2026, 3, 31, 12, tzinfo=UTC)
    for changes in ({}, {"fee_amount": Decimal("0.0001"), "fee_currency": "BTC"}, {"value_amount": None}):
        RefundFactory(status="succeeded", created_at=march, **changes)
    RefundFactory(status="failed", created_at=march + timedelta(days=2))
    url = reverse("admin:cryptopay_django_refund_changelist")

    page = client.get(url)

    (april, of_march) = page.context["totals"]
    assert (april["month"], april["state"], april["count"]) == ("2026-04", "failed", 1)
    assert (of_march["month"], of_march["coins"], of_march["values"]) == ("2026-03", "0.003 BTC", ["100.00 EUR"])
    assert (of_march["fees"], of_march["unvalued"]) == (["0.0001 BTC"], 1)
    assert "1 of unknown value" in page.text
    assert [line["month"] for line in client.get(url, {"state": "failed"}).context["totals"]] == ["2026-04"]


def test_too_many_refunds_are_not_added_up_silently(client, monkeypatch):
    monkeypatch.setattr(refund_books, "MOST", 2)
    RefundFactory.create_batch(3)

    page = client.get(reverse("admin:cryptopay_django_refund_changelist"))

    assert [line["count"] for line in page.context["totals"]] == [2]
    assert "Only the newest 2 of these refunds" in page.text


def rows_of_file(client, **query):
    answer = client.get(reverse("admin:cryptopay_django_refund_export"), query)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_the_file_of_refunds_has_every_column_of_every_row_that_is_filtered(client, desk, wire):
    refund_to(client, desk, unresolved(desk.sandbox), address=ADDRESS)
    own = RefundFactory(currency="ETH", fee_amount=Decimal("0.00001"), address='=HYPERLINK("x")')

    rows = {row["id"]: row for row in rows_of_file(client)}

    asked = rows.pop(str(Refund.objects.exclude(pk=own.pk).get().pk))
    assert {field.attname for field in Refund._meta.concrete_fields} <= set(asked)
    assert (asked["by"], asked["reason"], asked["asked_address"]) == ("finance", "agreed by phone", ADDRESS)
    assert (asked["is_as_asked"], asked["address"]) == ("yes", ADDRESS)
    assert rows[str(own.pk)]["address"].startswith("'=")
    assert Decimal(rows[str(own.pk)]["fee_amount"]) == own.fee_amount
    assert [row["id"] for row in rows_of_file(client, currency="ETH")] == [str(own.pk)]


def test_the_file_is_read_in_pages_and_only_by_those_who_may_see_refunds(client, login, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    RefundFactory.create_batch(5)

    assert len({row["id"] for row in rows_of_file(client)}) == 5
    url = reverse("admin:cryptopay_django_refund_export")
    assert [login(role).get(url).status_code for role in ("nobody", "anonymous")] == [403, 302]


def test_the_page_shows_the_asked_and_the_actual_address(client, desk, wire):
    invoice = unresolved(desk.sandbox)
    wire.change(REFUND, lambda data: data.update(address=None))
    refund_to(client, desk, invoice, address=ADDRESS)

    page = client.get(desk.url("invoice_change", invoice.pk))

    facts = [fact for entry in page.context["timeline"].entries for fact in entry.facts]
    assert ("asked address", ADDRESS) in facts
    assert ("actual address", "our own coin account") in facts
    assert any(name == "actual amount" for name, _text in facts)
    refunds = page.context["refunds"]
    assert [(row["asked"], row["is_as_asked"]) for row in refunds] == [(ADDRESS, False)]
