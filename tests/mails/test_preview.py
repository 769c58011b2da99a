"""`cryptopay_mails` shows each mail in each language, and the checks name what mails need."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from cryptopay_django.models import Invoice

pytestmark = pytest.mark.django_db


def found(*ids):
    return [one for one in run_checks(tags=["cryptopay"]) if one.id in ids]


def test_each_mail_in_each_language_is_written_into_a_folder(tmp_path, capsys):
    call_command("cryptopay_mails", "--to", str(tmp_path / "mails"))

    written = {path.name for path in (tmp_path / "mails").iterdir()}
    assert len(written) == 15 * 9 * 2 + 1
    assert {"ar-refunded.html", "zh-hans-review-held.txt", "index.html"} <= written
    assert "Ihre Erstattung wurde gesendet" in (tmp_path / "mails" / "index.html").read_text()
    assert "135 mails in" in capsys.readouterr().out
    assert mail.outbox == []
    assert not Invoice.objects.exists()


def test_some_are_sent_to_oneself():
    call_command("cryptopay_mails", "--send-to", "dev@shop.example", "--language", "nl", "--mail", "review")

    assert [one.to for one in mail.outbox] == [["dev@shop.example"]] * 4


def test_a_site_with_one_language_sees_that_one(settings, tmp_path, capsys):
    settings.LANGUAGES = [("de", "Deutsch")]
    settings.LANGUAGE_CODE = "de"

    call_command("cryptopay_mails", "--to", str(tmp_path))

    assert "9 mails in" in capsys.readouterr().out
    assert (tmp_path / "de-paid.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a folder with --to"),
        (["--send-to", "nobody"], "is not an e-mail address"),
        (["--to", "unused", "--account", "third"], 'no account "third"'),
        (["--to", "unused", "--mail", "nonsense"], "no such mail"),
        (["--to", "unused", "--language", "tlh"], "no such language"),
    ],
)
def test_a_wrong_call_says_what_to_do(arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("cryptopay_mails", *arguments)


def test_without_the_sites_address_there_is_nothing_to_show(settings, tmp_path):
    settings.CRYPTOPAY_SITE_URL = ""

    with pytest.raises(CommandError, match="CRYPTOPAY_SITE_URL"):
        call_command("cryptopay_mails", "--to", str(tmp_path))
    assert [one.id for one in found("cryptopay.E032")] == ["cryptopay.E032"]


def test_the_check_names_accounts_without_a_sender(settings):
    assert found("cryptopay.E032", "cryptopay.W033") == []

    settings.DEFAULT_FROM_EMAIL = "webmaster@localhost"
    assert ['"default"' in one.msg for one in found("cryptopay.W033")] == [True, False]

    settings.CRYPTOPAY_CUSTOMER_MAIL_FROM = "pay@shop.example"
    assert found("cryptopay.W033") == []


def test_a_shop_without_mails_needs_neither(settings):
    settings.CRYPTOPAY_CUSTOMER_MAILS = []
    settings.CRYPTOPAY_SITE_URL = ""
    settings.DEFAULT_FROM_EMAIL = "webmaster@localhost"

    assert found("cryptopay.E032", "cryptopay.W033") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOMER_MAILS", ["refund"]),
        ("CUSTOMER_MAILS", "paid"),
        ("CUSTOMER_MAIL_FROM", "a@b.example\nBcc: eve@example.org"),
        ("CUSTOMER_MAIL_FROM", 1),
        ("ANSWER_WITHIN_DAYS", -1),
        ("ANSWER_WITHIN_DAYS", False),
    ],
)
def test_a_wrong_value_is_named_once(name, value, settings):
    setattr(settings, f"CRYPTOPAY_{name}", value)

    assert any(f"CRYPTOPAY_{name} must be" in one.msg for one in found("cryptopay.E002"))
    assert found("cryptopay.E032", "cryptopay.W033") == []
