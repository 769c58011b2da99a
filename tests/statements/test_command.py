"""The command of the books, as cron and a bookkeeper use it, and the mails to staff."""

from __future__ import annotations

from io import StringIO
from smtplib import SMTPException

import pytest
from django import VERSION
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from cryptopay_django.exceptions import BooksError
from cryptopay_django.models import BookEntry, Books, ClosedPeriod
from cryptopay_django.services import find_staff, mail_statement, named_period, read_statement
from cryptopay_django.services.statements import mail_statement as mailing

from .booking import paid


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("cryptopay_statement", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused(*arguments):
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    return raised.value


@pytest.fixture
def ada(transactional_db):
    user = User.objects.create(username="ada", email="ada@shop.example", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_invoice", "view_ledger"]))
    return user


def test_books_are_begun_kept_and_written(shop):
    BookEntry.objects.all().delete()
    Books.objects.all().delete()
    assert "were not begun: name the first day with --begin" in str(refused())

    out, _ = run("--begin", "2026-01-01", "--time-zone", "UTC")
    assert "begin at 2026-01-01T00:00:00+00:00" in out
    paid(shop)
    _, err = run()
    assert "1 new entries" in err
    out, _ = run("--period", "2026-01", "--time-zone", "UTC")

    assert out.startswith("\ufeffdate,time,kind")
    assert "1099.00" in out


def test_a_period_is_given_by_its_first_and_last_day_too(shop, tmp_path):
    paid(shop)

    out, _ = run("--from", "2026-01-01", "--to", "2026-01-01", "--output", str(tmp_path / "day.csv"))

    assert "2026-01-01 to 2026-01-01" in out
    assert "1099.00" in (tmp_path / "day.csv").read_text("utf-8-sig")
    assert [path.name for path in tmp_path.iterdir()] == ["day.csv"]


def test_a_workbook_is_written_to_a_file(shop, tmp_path):
    pytest.importorskip("xlsxwriter", reason="XlsxWriter is not installed")

    run("--period", "2026-01-01", "--format", "xlsx", "--output", str(tmp_path / "day.xlsx"))

    assert (tmp_path / "day.xlsx").read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--account", "nobody"), "there is no account 'nobody' in CRYPTOPAY_ACCOUNTS: use default"),
        (("--period", "2026-01", "--from", "2026-01-01"), "by --period, or by --from and --to"),
        (("--from", "2026-01-01"), "both --from and --to"),
        (("--close",), "name the period"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "must end after it begins"),
        (("--period", "soon"), "is no period"),
        (("--period", "2026-01", "--time-zone", "Mars"), "is no time zone"),
        (("--period", "2026-01", "--format", "xlsx"), "name a file with --output"),
        (("--begin", "2026-01-01"), "have begun at"),
        (("--begin", "the first"), "must be a day such as 2026-11-14"),
        (("--mail", "eve", "--period", "2026-01"), "'eve' is no active member of staff"),
        (("--adjust", "a reason"), "needs a name and a reason"),
        (("--period", "last-month"), "not before that"),
    ],
)
def test_what_cannot_be_is_said(shop, arguments, message):
    assert message in str(refused(*arguments))


def test_yesterday_is_a_period(shop):
    shop.until(2026, 1, 2, 3)

    out, _ = run("--period", "yesterday", "--close")

    assert "closed: 2026-01-01 to 2026-01-01" in out


def test_it_exits_2_when_the_gateway_differs_and_an_adjustment_ends_that(shop):
    shop.sandbox.account().state.account.credit("EUR", 5)

    assert refused().returncode == 2
    assert refused("--period", "2026-01").returncode == 2
    out, _ = run("--adjust", "a gift", "--actor", "ada")

    assert out == "adjusted by 5.0 EUR\n"
    assert run("--period", "2026-01")[0]


def test_an_outage_is_exit_1(shop):
    shop.wire.fail("GET /api/.*", "5xx")

    assert refused().returncode == 1


def test_a_closed_month_is_mailed_once_to_each_whatever_is_repeated(shop, ada):
    paid(shop)
    shop.until(2026, 2, 1, 2)
    cron = ("--period", "last-month", "--time-zone", "UTC", "--mail")

    first, _ = run(*cron, "ada")
    again, _ = run(*cron, "ADA@shop.example", "ada")
    User.objects.create(username="root", email="root@shop.example", is_staff=True, is_superuser=True)
    another, _ = run(*cron, "ada", "root")

    assert "mailed to ada@shop.example" in first
    assert "mailed" not in again
    assert "mailed to root@shop.example" in another
    assert [message.to for message in mail.outbox] == [["ada@shop.example"], ["root@shop.example"]]
    message = mail.outbox[0]
    assert message.subject == "Cryptopay statement: account default, 2026-01-01 to 2026-01-31 (UTC)"
    assert "EUR: opening 1000.00, closing 1099.00" in message.body
    assert "the books and the gateway agreed" in message.body
    name, content, kind = message.attachments[0]
    assert (name, kind) == ("cryptopay-default-2026-01-01-2026-01-31.csv", "text/csv")
    assert "1099.00" in (content if isinstance(content, str) else content.decode())


def test_a_month_that_differs_is_neither_closed_nor_mailed_until_somebody_accepts(shop, ada):
    shop.sandbox.account().state.account.credit("EUR", 5)
    shop.until(2026, 2, 1, 2)
    cron = ("--period", "last-month", "--mail", "ada")

    assert "was not closed" in str(refused(*cron))
    assert mail.outbox == []
    run(*cron, "--accept-differences")

    assert "balance of EUR: 1000 in the books, 1005 at the gateway" in mail.outbox[0].body


class Refusing(EmailBackend):
    """A mail server that refuses one address."""

    def send_messages(self, messages):
        if messages[0].to == ["ada@shop.example"]:
            raise SMTPException("mailbox full")
        return super().send_messages(messages)


def test_a_mail_that_did_not_leave_is_tried_again_and_keeps_no_other(shop, ada):
    User.objects.create(username="root", email="root@shop.example", is_staff=True, is_superuser=True)
    shop.until(2026, 2, 1, 2)
    backend = f"{__name__}.Refusing"
    refusing = {"MAILERS": {"default": {"BACKEND": backend}}} if VERSION >= (6, 1) else {"EMAIL_BACKEND": backend}

    with override_settings(**refusing):
        assert "ada@shop.example: SMTPException: mailbox full" in str(
            refused("--period", "2026-01", "--time-zone", "UTC", "--mail", "ada", "root")
        )
    run("--period", "2026-01", "--time-zone", "UTC", "--mail", "ada", "root")

    assert [message.to for message in mail.outbox] == [["root@shop.example"], ["ada@shop.example"]]


def test_a_mail_that_another_process_is_sending_is_left_to_it_for_ten_minutes(shop, ada):
    shop.until(2026, 2, 1, 2)
    run("--period", "2026-01", "--time-zone", "UTC", "--close")
    ClosedPeriod.objects.update(mails={"ada@shop.example": {"begun_at": timezone.now().isoformat()}})
    statement = read_statement("default", named_period("2026-01", "UTC"))

    assert mail_statement(statement, ["ada@shop.example"]) == []
    shop.until(2026, 2, 1, 3)
    assert mail_statement(statement, ["ada@shop.example"]) == ["ada@shop.example"]


def test_files_that_are_too_large_for_a_mail_are_left_out_and_that_is_said(shop, ada, monkeypatch):
    monkeypatch.setattr(mailing, "_LARGEST", 10)
    shop.until(2026, 2, 1, 2)

    run("--period", "2026-01", "--time-zone", "UTC", "--mail", "ada")

    assert mail.outbox[0].attachments == []
    assert "too large for a mail" in mail.outbox[0].body


def test_only_a_closed_period_is_mailed(shop):
    with pytest.raises(BooksError, match="is not closed"):
        mail_statement(read_statement("default", named_period("2026-01", "UTC")), ["ada@shop.example"])


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"is_staff": False}, {"email": ""}, {"permissions": ["view_invoice"]}]
)
def test_only_staff_who_may_see_the_ledger_are_mailed(ada, change):
    if "permissions" in change:
        ada.user_permissions.set(Permission.objects.filter(codename__in=change["permissions"]))
    else:
        User.objects.filter(pk=ada.pk).update(**change)

    with pytest.raises(BooksError, match="permission view_ledger"):
        find_staff(["ada"])


def test_staff_who_sign_in_by_a_number_are_found_by_it_or_by_their_address(ada, monkeypatch):
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")

    assert find_staff([str(ada.pk)]) == find_staff(["ADA@shop.example"]) == ["ada@shop.example"]
    with pytest.raises(BooksError, match="no active member of staff"):
        find_staff(["ada"])


def test_where_staff_have_no_address_that_is_said(ada, monkeypatch):
    monkeypatch.setattr(User, "EMAIL_FIELD", "mail")  # what Django takes for the name, where a model has none

    with pytest.raises(BooksError, match="'ada' is no active member of staff with an e-mail address"):
        find_staff(["ada"])
