"""Runs every check, in the order in which the findings are best read.

`manage.py cryptopay_doctor` and the admin's page show the findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ...conf import account_names, get_account
from . import accounts, backlog, books, callback_selftest, channels, installation, ledger, worker
from .check_result import CheckResult, Level


def diagnose(
    *, sample: int = 10, offline: bool = False, callback_urls: Mapping[str, str] | None = None
) -> Iterator[CheckResult]:
    """Yield a result for everything that is looked at, good or bad.

    Asks the gateway once an account, about `sample` open invoices of each, and for the ledger of yesterday and of the
    last closed period of the books, a few pages; `offline` asks nothing.
    `callback_urls` gives, by account, a URL that a self-test is posted to.
    """
    now = timezone.now()
    yield from installation.show_versions()
    yield from installation.check_settings()
    missing = list(installation.check_migrations())
    yield from missing
    yield from installation.check_urls()
    yield from installation.check_connections()
    if any(result.level is Level.ERROR for result in missing):
        return
    yield from backlog.check_callbacks(now)
    yield from backlog.check_events(now)
    yield from backlog.check_resolutions(now)
    yield from backlog.check_invoices(now)
    yield from channels.check_channels(now)
    yield from worker.check_worker(now)
    try:
        names = account_names()
    except ImproperlyConfigured:
        return
    for name in names:
        try:
            account = get_account(name)
        except ImproperlyConfigured:
            continue
        yield from accounts.check_arrivals(account, now)
        yield from accounts.check_secrets(account, now)
        yield from books.check_books(account, now)
        if not offline:
            yield from accounts.check_credentials(account)
            yield from accounts.check_sample(account, sample)
            yield ledger.check_ledger(account, now)
            yield from books.compare_closed(account, now)
        if callback_urls and name in callback_urls:
            yield callback_selftest.try_callback_url(account, callback_urls[name])
