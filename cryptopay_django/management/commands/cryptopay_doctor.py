"""`manage.py cryptopay_doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...conf import account_names, app_settings
from ...links import url_of
from ...services.diagnosis import Level, Sign, callback_path, diagnose, worst_of


class Command(BaseCommand):
    """For a person at a terminal, and for monitoring: 0 is well, 1 a warning, 2 an error."""

    help = (
        "Look at settings, credentials, callbacks, events, resolutions and drift. Exits 0, 1 (warning) or 2 (error)."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs: one JSON object")
        parser.add_argument("--problems", action="store_true", help="leave out what is well")
        parser.add_argument("--offline", action="store_true", help="do not ask the service")
        parser.add_argument(
            "--sample", type=int, default=10, help="compare so many open invoices an account (default: 10)"
        )
        parser.add_argument(
            "--callback-url",
            action="append",
            default=[],
            nargs="?",
            const="",
            metavar="[ACCOUNT=]URL",
            help="post a signed self-test to this URL, as the service would; may be given for each account. Without a "
            "URL: to that of every account below CRYPTOPAY_SITE_URL",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line a sign, or all of them as JSON; exit with the status."""
        urls = _callback_urls(options["callback_url"])
        if unknown := sorted(set(urls) - set(account_names() if urls else [])):
            raise CommandError(f"there is no account {', '.join(unknown)} in CRYPTOPAY_ACCOUNTS")
        signs = list(diagnose(sample=options["sample"], offline=options["offline"], callback_urls=urls))
        worst = worst_of(signs)
        shown = [sign for sign in signs if sign.level is not Level.OK or not options["problems"]]
        if options["json"]:
            self.stdout.write(
                json.dumps({"level": worst, "signs": [{"id": sign.id, **asdict(sign)} for sign in shown]}, indent=2)
            )
        else:
            for sign in shown:
                self._show(sign)
        summary = f"errors: {_count(signs, Level.ERROR)}, warnings: {_count(signs, Level.WARNING)}"
        if worst is not Level.OK:
            raise CommandError(summary, returncode=2 if worst is Level.ERROR else 1)
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("all is well"))

    def _show(self, sign: Sign) -> None:
        styles = {Level.ERROR: self.style.ERROR, Level.WARNING: self.style.WARNING}
        style = styles.get(sign.level, self.style.SUCCESS)
        account = f"{sign.account}: " if sign.account else ""
        self.stdout.write(f"{style(f'{sign.level:<8}')} {account}{sign.subject}: {sign.found}")
        if sign.remedy:
            self.stdout.write(f"{'':<9}{sign.remedy}")


def _callback_urls(given: list[str]) -> dict[str, str]:
    """Return the URLs to try by account; an empty one stands for those of all accounts."""
    urls: dict[str, str] = {}
    if "" in given:
        if not app_settings.SITE_URL:
            raise CommandError("--callback-url without a URL needs CRYPTOPAY_SITE_URL")
        urls = {name: url_of(callback_path(name)) for name in account_names()}
    return urls | dict(_split(text) for text in given if text)


def _split(text: str) -> tuple[str, str]:
    account, equals, url = text.partition("=")
    is_named = equals and "/" not in account
    return (account, url) if is_named else ("default", text)


def _count(signs: list[Sign], level: Level) -> int:
    return sum(sign.level is level for sign in signs)
