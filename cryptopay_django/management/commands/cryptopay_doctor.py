"""Implements `manage.py cryptopay_doctor`: reports problems, and what to do about them."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...conf import account_names, app_settings
from ...links import url_of
from ...services.diagnosis import CheckResult, Level, callback_path, diagnose, worst_of


class Command(BaseCommand):
    """Prints the doctor's results. Exits with 0 if all is well, 1 for a warning, 2 for an error."""

    help = "Check settings, credentials, callbacks, events, resolutions and drift. Exits 0, 1 (warning) or 2 (error)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
        parser.add_argument("--problems", action="store_true", help="show only warnings and errors")
        parser.add_argument("--offline", action="store_true", help="do not call the gateway")
        parser.add_argument(
            "--sample", type=int, default=10, help="number of open invoices to compare for each account (default: 10)"
        )
        parser.add_argument(
            "--callback-url",
            action="append",
            default=[],
            nargs="?",
            const="",
            metavar="[ACCOUNT=]URL",
            help="post a signed test callback to this URL, like the gateway; can be repeated as NAME=URL. With no "
            "URL: to that of every account below CRYPTOPAY_SITE_URL",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each result, or all as JSON, and exit with the status."""
        urls = _callback_urls(options["callback_url"])
        if unknown := sorted(set(urls) - set(account_names() if urls else [])):
            raise CommandError(f"there is no account {', '.join(unknown)} in CRYPTOPAY_ACCOUNTS")
        if options["sample"] < 0:
            raise CommandError("--sample must be a whole number from 0")
        results = list(diagnose(sample=options["sample"], offline=options["offline"], callback_urls=urls))
        worst = worst_of(results)
        shown = [result for result in results if result.level is not Level.OK or not options["problems"]]
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"level": worst, "signs": [{"id": result.id, **asdict(result)} for result in shown]}, indent=2
                )
            )
        else:
            for result in shown:
                self._show(result)
        summary = f"errors: {_count(results, Level.ERROR)}, warnings: {_count(results, Level.WARNING)}"
        if worst is not Level.OK:
            raise CommandError(summary, returncode=2 if worst is Level.ERROR else 1)
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("all is well"))

    def _show(self, result: CheckResult) -> None:
        styles = {Level.ERROR: self.style.ERROR, Level.WARNING: self.style.WARNING}
        style = styles.get(result.level, self.style.SUCCESS)
        account = f"{result.account}: " if result.account else ""
        self.stdout.write(f"{style(f'{result.level:<8}')} {account}{result.subject}: {result.found}")
        if result.remedy:
            self.stdout.write(f"{'':<9}{result.remedy}")


def _callback_urls(given: list[str]) -> dict[str, str]:
    """Return the URLs to test by account. An empty one means the URLs of all accounts."""
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


def _count(results: list[CheckResult], level: Level) -> int:
    return sum(result.level is level for result in results)
