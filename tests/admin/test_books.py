"""Closed periods in the admin: listed, and closed by name after a page that shows the figures, once and for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from cryptopay_django.exceptions import BooksChangedError, NotPermittedError
from cryptopay_django.models import BookEntry, ClosedPeriod, Schedule
from cryptopay_django.services import begin_books, close_period, keep_books, named_period

from .conftest import told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def month(desk, settings):
    """Last month, which is over, with an invoice in it, in the books since its first day."""
    settings.TIME_ZONE = "UTC"
    now = timezone.now().astimezone(UTC) - timedelta(hours=2)  # it can be closed an hour after its end
    first = (now.replace(day=1) - timedelta(days=1)).replace(day=1)
    begin_books("default", at=datetime(first.year, first.month, 1, tzinfo=UTC))
    desk.paid("1")
    desk.sandbox.deliver()
    kept()
    # As if it had been paid then.
    BookEntry.objects.filter(kind="invoice").update(booked_at=first, happened_at=first)
    return named_period(f"{first:%Y-%m}", "UTC")


def kept():
    """Bring the books up to date, as cron does; then calls are left for the page."""
    Schedule.objects.all().delete()
    keep_books("default")
    Schedule.objects.all().delete()


def posted(page, **values):
    """Return what the button of a page posts."""
    return {**dict(page.context["posted"]), **values}


def close(client, desk, page, **values):
    return client.post(desk.url("invoice_books_close"), posted(page, **values), follow=True)


def test_a_month_is_closed_by_name_after_its_figures_were_shown(client, desk, month):
    listed = client.get(desk.url("invoice_books"))
    assert "It is over, and can be closed" in listed.text
    page = client.get(listed.context["close_url"])
    assert page.context["balances"][0][:5] == ("EUR", "0.00", "99.00", "0.00", "99.00")
    assert not ClosedPeriod.objects.exists()

    after = close(client, desk, page)

    closed = ClosedPeriod.objects.get()
    assert (closed.since, closed.until, closed.closed_by) == (month.since, month.until, "finance")
    assert "is closed. Its figures do not change any more" in told(after)
    assert "these figures do not change any more" in after.text
    assert LogEntry.objects.get().change_message == f"Closed {month} of account default"
    (row,) = client.get(desk.url("invoice_books")).context["rows"]
    assert (row["days"], row["balances"]) == (f"{month.first} – {month.last}", ["99.00 EUR"])
    assert b"".join(client.get(row["files"][0][1]).streaming_content).startswith(b"\xef\xbb\xbfdate")


def test_the_button_pressed_twice_closes_one_month(client, login, desk, month):
    page = client.get(desk.url("invoice_books_close"))

    close(client, desk, page)
    again = close(login("finance", "ben"), desk, page)

    assert "was closed already, by finance" in told(again)
    assert ClosedPeriod.objects.get().closed_by == "finance"


def test_figures_that_have_changed_since_are_shown_again_and_not_closed(client, desk, month):
    page = client.get(desk.url("invoice_books_close"))
    BookEntry.objects.filter(kind="invoice").update(order_id="another")

    again = close(client, desk, page)

    assert "The figures have changed since you saw them" in told(again)
    assert not ClosedPeriod.objects.exists()
    Schedule.objects.all().delete()
    assert "is closed" in told(close(client, desk, again))


def test_what_differs_is_named_and_can_be_accepted_by_name(client, desk, month):
    desk.sandbox.account().state.account.credit("EUR", 5)
    page = client.get(desk.url("invoice_books_close"))
    assert "Close although they differ" not in page.text

    refused = close(client, desk, page)
    Schedule.objects.all().delete()
    assert "balance of EUR: 99 in the books, 104 at the gateway" in refused.text
    assert "Close although they differ" in refused.text
    assert not ClosedPeriod.objects.exists()
    close(client, desk, refused, accept="on")

    assert ClosedPeriod.objects.get().differences == ["balance of EUR: 99 in the books, 104 at the gateway"]
    assert "1 difference accepted" in client.get(desk.url("invoice_books")).text


def test_a_link_can_neither_bring_figures_along_nor_accept_a_difference(client, desk, month):
    page = client.get(desk.url("invoice_books_close"), {"accept": "on", "seen": "x", "since": "2001-01-01"})

    assert dict(page.context["posted"])["since"] == str(month.first)
    client.post(desk.url("invoice_books_close"), {"account": "default", "accept": "on", "since": str(month.first)})
    assert not ClosedPeriod.objects.exists()


def test_a_month_that_is_not_over_has_no_button_and_is_refused(client, desk, month):
    page = client.get(desk.url("invoice_books_close"))
    close(client, desk, page)

    listed = client.get(desk.url("invoice_books"))
    page = client.get(desk.url("invoice_books_close"))
    crafted = client.post(desk.url("invoice_books_close"), posted(page))

    assert "It can be closed from" in listed.text
    assert "Close it…" not in listed.text
    assert '<input type="submit"' not in page.text
    assert "cannot be closed yet" in told(crafted)
    assert ClosedPeriod.objects.count() == 1


def test_a_gateway_that_does_not_answer_closes_nothing(client, desk, month):
    page = client.get(desk.url("invoice_books_close"))
    desk.sandbox.fail_next("error", count=20)

    assert 'class="error"' in close(client, desk, page).text
    assert not ClosedPeriod.objects.exists()


def test_a_period_that_does_not_follow_the_last_one_is_refused(client, desk, month):
    page = client.get(desk.url("invoice_books_close"))
    day = str(month.first + timedelta(days=1))

    refused = client.post(desk.url("invoice_books_close"), posted(page, since=day))

    assert "closed until" in told(refused)
    assert not ClosedPeriod.objects.exists()


@pytest.mark.parametrize(
    "query", [{"zone": "Mars"}, {"until": "yesterday"}, {"account": "nobody"}, {"until": "2001-01-01"}]
)
def test_what_cannot_be_asked_is_said(client, desk, month, query):
    page = client.get(desk.url("invoice_books_close"), query)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert '<input type="submit"' not in page.text


def test_without_books_it_is_said_how_to_begin_them(client, desk):
    for name in ("invoice_books", "invoice_books_close"):
        assert "cryptopay_statement --begin" in client.get(desk.url(name)).text


def test_who_may_see_the_ledger_only_sees_the_periods_and_no_button(login, desk, month):
    client = login("viewer")
    User.objects.get(username="viewer").user_permissions.add(Permission.objects.get(codename="view_ledger"))

    page = client.get(desk.url("invoice_books"))

    assert page.status_code == 200
    assert "Close it…" not in page.text
    assert client.get(desk.url("invoice_books_close")).status_code == 403
    assert client.post(desk.url("invoice_books_close"), {"account": "default"}).status_code == 403


@pytest.mark.parametrize("role", ["bare", "viewer", "support", "fraud", "monitoring", "counter", "anonymous"])
def test_nobody_else_sees_the_pages(login, desk, role):
    client = login(role)
    for name in ("invoice_books", "invoice_books_close"):
        assert client.get(desk.url(name)).status_code == (302 if role == "anonymous" else 403)
        assert client.post(desk.url(name)).status_code == (302 if role == "anonymous" else 403)


def test_the_service_checks_the_permission_and_the_figures_itself(login, desk, month):
    login("support")
    with pytest.raises(NotPermittedError, match="close_books"):
        close_period("default", month, actor=User.objects.get(username="support"))
    with pytest.raises(BooksChangedError):
        close_period("default", month, actor="ada", seen="0" * 64)
    assert not ClosedPeriod.objects.exists()


def test_a_long_list_is_in_pages(client, desk, settings):
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(datetime(2026, 3, 1, 3, tzinfo=UTC), tick=False):
        books = begin_books("default", at=datetime(2026, 1, 1, tzinfo=UTC))
    for number in range(30):
        since = books.begin_at + timedelta(days=number)
        ClosedPeriod.objects.create(
            books=books, since=since, until=since + timedelta(days=1), time_zone="UTC", balances={"EUR": "0"},
            lines=0, digest="", closed_at=since,
        )  # fmt: skip

    first, second = (client.get(desk.url("invoice_books"), {"p": page}) for page in (1, 2))

    assert [len(page.context["rows"]) for page in (first, second)] == [24, 6]
    assert "Older" in first.text
    assert "Newer" in second.text
