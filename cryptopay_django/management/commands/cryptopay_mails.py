"""Implements `manage.py cryptopay_mails`: shows each mail to customers in each language, as files or in a mailbox."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils.html import format_html, format_html_join

from ...conf import account_names
from ...mails.samples import sample_mails
from ...pages.languages import languages_of


class Command(BaseCommand):
    help = (
        "Show samples of the mails to customers, made with your templates and settings: as files with --to, or in "
        "your own mailbox with --send-to. No customer gets one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", metavar="FOLDER", help="write .html and .txt files, and index.html, into a folder")
        parser.add_argument("--send-to", metavar="ADDRESS", help="send the samples to this address")
        parser.add_argument("--language", action="append", help="a language of LANGUAGES; default: all of the pages")
        parser.add_argument("--mail", action="append", help="paid, refunded, ...; default: all")
        parser.add_argument("--account", default="default", help="the account whose settings are used")

    def handle(self, *args: Any, to: str | None, send_to: str | None, **options: Any) -> None:
        if not to and not send_to:
            raise CommandError("name a folder with --to, or your own address with --send-to")
        if options["account"] not in account_names():
            raise CommandError(f'there is no account "{options["account"]}" in CRYPTOPAY_ACCOUNTS')
        if send_to:
            try:
                validate_email(send_to)
            except ValidationError as error:
                raise CommandError(f"--send-to: {send_to} is not an e-mail address") from error
        try:
            found = list(_messages(send_to or "ada@example.org", **options))
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if not found:
            raise CommandError("there is no such mail, or no such language in LANGUAGES")
        if to:
            _write(Path(to), found)
            self.stdout.write(f"{len(found)} mails in {Path(to) / 'index.html'}")
        for _, message in found if send_to else ():
            message.send()
        if send_to:
            self.stdout.write(f"{len(found)} mails sent to {send_to}")


def _messages(
    address: str, *, account: str, language: list[str] | None, mail: list[str] | None, **_: Any
) -> Iterator[tuple[str, EmailMultiAlternatives]]:
    """Yield each sample that is wanted, with a name for its files."""
    known = {code for code, _ in settings.LANGUAGES}
    every = [one["code"] for one in languages_of("")] or [settings.LANGUAGE_CODE]
    for code in every if not language else [one for one in language if one in known]:
        for name, one in sample_mails(account=account, address=address, language=code).items():
            if not mail or name in mail or one.facts.kind in mail:
                yield f"{code}-{name}", one.message()


def _write(folder: Path, found: list[tuple[str, EmailMultiAlternatives]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, message in found:
        (folder / f"{name}.html").write_text(str(message.alternatives[0][0]), encoding="utf-8")
        (folder / f"{name}.txt").write_text(f"{message.subject}\n\n{message.body}", encoding="utf-8")
    links = format_html_join(
        "\n", '<li><a href="{0}.html">{0}</a> (<a href="{0}.txt">text</a>): {1}</li>',
        ((name, message.subject) for name, message in found),
    )  # fmt: skip
    page = format_html('<!doctype html><meta charset="utf-8"><title>Mails</title><ul>{}</ul>', links)
    (folder / "index.html").write_text(page, encoding="utf-8")
