"""The statement in the admin: for staff who may see the ledger, with its files, and one button that asks the gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from cryptopay_django.models import ClosedPeriod, Schedule
from cryptopay_django.services import begin_books, close_period, keep_books, named_period
from cryptopay_django.services.statements.file_formats import FORMS, can_write

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = {"since": "", "until": "", "zone": "UTC"}


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def asked(desk):
    """The query of a statement from yesterday to today, with an invoice and a channel payment in it."""
    now = timezone.now().astimezone(UTC)
    begin_books("default", at=datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=2))
    desk.paid("1")
    desk.topped_up()
    desk.sandbox.deliver()
    Schedule.objects.all().delete()
    keep_books("default")
    Schedule.objects.all().delete()
    return {"since": str((now - timedelta(days=1)).date()), "until": str(now.date()), "zone": "UTC"}


def test_balances_totals_and_files_are_shown(client, desk, asked):
    page = client.get(desk.url("invoice_statement"), asked)

    (balance,) = page.context["balances"]
    assert balance[0] == "EUR"
    assert balance[1] == "0.00"
    assert {kind for kind, *_ in page.context["statuses"]} == {"invoice", "channel payment"}
    assert page.context["count"] == 2
    assert "Not closed yet" in page.text
    assert len(page.context["files"]) == len([form for form in FORMS if can_write(form)])


@pytest.mark.parametrize("days", [0, 1, 20, 40, 100])
def test_the_page_opens_with_what_the_books_hold(client, desk, days):
    now = timezone.now().astimezone(UTC)
    begin = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=days)
    begin_books("default", at=begin)

    page = client.get(desk.url("invoice_statement"), {"zone": "UTC"})

    period = page.context["period"]
    month = now.date().replace(day=1)
    assert not page.context["problem"]
    assert period.since.date() == max(begin.date(), (month - timedelta(days=1)).replace(day=1))
    assert period.until.date() == (month if begin.date() < month else now.date() + timedelta(days=1))


def test_that_there_are_no_books_is_said_in_the_readers_language(client, desk, settings):
    settings.LANGUAGE_CODE = "de"

    page = client.get(desk.url("invoice_statement"))

    assert "Die Bücher dieses Kontos" in page.text
    assert "were not begun" not in page.text


@pytest.mark.parametrize("zone", ["Mars", "../etc/passwd", "America"])
def test_a_zone_that_does_not_exist_is_an_error_of_the_form_once_there_are_books(client, desk, zone):
    begin_books("default", at=timezone.now())

    page = client.get(desk.url("invoice_statement"), {"zone": zone})

    assert page.status_code == 200
    assert page.context["form"].errors


def test_books_that_began_in_the_middle_of_a_day_show_their_first_whole_day(client, desk):
    now = timezone.now().astimezone(UTC)
    begin = datetime(now.year, now.month, now.day, 12, tzinfo=UTC) - timedelta(days=3)
    begin_books("default", at=begin)

    page = client.get(desk.url("invoice_statement"), {"zone": "UTC"})

    assert page.context["period"].since == begin + timedelta(hours=12)


@pytest.mark.parametrize(
    ("form", "begins", "ending"),
    [
        ("csv", b"\xef\xbb\xbfdate,time", ".csv"),
        ("totals", b"\xef\xbb\xbftotal,", ".totals.csv"),
        ("xlsx", b"PK", ".xlsx"),
        ("ledger", b"; Cryptopay", ".journal"),
        ("beancount", b'option "title"', ".beancount"),
    ],
)
def test_each_file_is_downloaded(client, desk, asked, form, begins, ending):
    if not can_write(form):
        pytest.skip("XlsxWriter is not installed")
    answer = client.get(desk.url("invoice_statement_file", form), asked)

    assert b"".join(answer.streaming_content).startswith(begins)
    assert f'{ending}"' in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_file_is_streamed_under_asgi(login, desk, asked):
    async def download(client):
        answer = await client.get(desk.url("invoice_statement_file", "csv"), asked)
        return b"".join([piece async for piece in answer.streaming_content])

    client = AsyncClient()
    client.cookies = login("finance").cookies

    assert b"closing balance" in async_to_sync(download)(client)


def test_the_button_brings_the_books_up_to_date(client, desk, asked):
    desk.paid("1", amount="7")
    desk.sandbox.deliver()

    page = client.post(desk.url("invoice_statement_update"), {"account": "default", **asked}, follow=True)

    assert "agree with the gateway" in page.text
    assert page.context["count"] == 3
    assert page.context["form"]["since"].value() == datetime.fromisoformat(asked["since"]).date()


def test_the_button_says_what_differs_and_what_failed(client, desk, asked):
    desk.sandbox.account().state.account.credit("EUR", 5)  # fewer calls are left than all looks need
    differing = client.post(desk.url("invoice_statement_update"), asked, follow=True)
    desk.sandbox.fail_next("error", count=20)
    Schedule.objects.all().delete()
    failing = client.post(desk.url("invoice_statement_update"), asked, follow=True)

    assert "The books and the gateway differ: balance of EUR" in differing.text
    assert 'class="error"' in failing.text


def test_a_closed_period_is_listed_and_says_so(client, desk, asked):
    day = (timezone.now().astimezone(UTC) - timedelta(days=2)).date()
    close_period("default", named_period(str(day), "UTC"), actor="ada")
    ClosedPeriod.objects.update(differences=["balance of EUR: 1 in the books, 2 at the gateway"])

    page = client.get(desk.url("invoice_statement"), {"since": str(day), "until": str(day), "zone": "UTC"})

    assert "these figures do not change any more" in page.text
    assert "the gateway differed: balance of EUR" in page.text
    assert [name for name, _, _ in page.context["periods"]] == [f"{day} – {day}"]
    assert page.context["periods"][0][1] in page.text.replace("&amp;", "&")


def test_a_file_of_changed_entries_is_refused(client, desk, asked):
    day = (timezone.now().astimezone(UTC) - timedelta(days=2)).date()
    query = {"since": str(day), "until": str(day), "zone": "UTC"}
    close_period("default", named_period(str(day), "UTC"))
    ClosedPeriod.objects.update(digest="0" * 64)

    answer = client.get(desk.url("invoice_statement_file", "csv"), query)

    assert answer.status_code == 400
    assert "somebody has changed them" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"zone": "Mars"},
        {"zone": "../etc/passwd"},
        {"account": "nobody"},
    ],
)
def test_what_cannot_be_asked_is_said(client, desk, query):
    page = client.get(desk.url("invoice_statement"), query)
    file = client.get(desk.url("invoice_statement_file", "csv"), query)
    button = client.post(desk.url("invoice_statement_update"), query)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert (file.status_code, button.status_code) == (400, 400)


def test_without_books_it_is_said_how_to_begin_them(client, desk):
    page = client.get(desk.url("invoice_statement"))
    file = client.get(desk.url("invoice_statement_file", "csv"))
    other = client.get(desk.url("invoice_statement_file", "pdf"))

    assert "cryptopay_statement --begin" in page.text
    assert (file.status_code, other.status_code) == (400, 400)


@pytest.mark.parametrize("role", ["bare", "viewer", "support", "fraud", "monitoring", "anonymous"])
def test_nobody_else_sees_a_statement(login, desk, role):
    client = login(role)
    for answer in (
        client.get(desk.url("invoice_statement")),
        client.get(desk.url("invoice_statement_file", "csv")),
        client.post(desk.url("invoice_statement_update")),
    ):
        assert answer.status_code == (302 if role == "anonymous" else 403)
    assert client.get(desk.url("invoice_statement_update")).status_code in (302, 403, 405)


def test_the_list_of_invoices_links_to_it_for_those_who_may_see_it(login, desk):
    link = desk.url("invoice_statement")

    assert link in login("finance").get(desk.url("invoice_changelist")).text
    assert link not in login("support").get(desk.url("invoice_changelist")).text
