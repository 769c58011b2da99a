"""Checks one account at a time: its credentials, its callback URL, its secrets, and a sample of its invoices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Max, QuerySet

from ...conf import BASE_URLS, Account, client_for
from ...exceptions import GatewayAuthenticationError, GatewayError, GatewayNotFoundError, GatewayPermissionError
from ...models import Callback, Invoice, Payment
from ...models.invoice import open_invoices
from . import callback_selftest
from .check_result import CheckResult, Level, since
from .differences import explain_drift
from .unknown_coins import judge_coins

# Retries end after a day and a half; a callback resent by hand is signed with the secret of that day.
SECRET_REST = timedelta(days=2)
_QUIET = timedelta(hours=1)
_NEWEST = 100

# The gateway refuses a request whose Date is further off than ten minutes.
_CLOCK_LIMIT = 600
_CLOCK_NEAR_LIMIT = 540
_CLOCK_TOLERATED = 5


def check_credentials(account: Account) -> Iterator[CheckResult]:
    """Send one signed GET: key, secret, permission, white-list and clock all have to be right for an answer.

    The clock is compared with the answer's time, also when it refuses.
    """
    subject = "credentials"
    if account.base_url != BASE_URLS["production"] and not settings.DEBUG:
        yield CheckResult(
            "environment",
            Level.WARNING,
            f"DEBUG is off and invoices are made at {account.base_url}: what is paid there is play money",
            'Set "BASE_URL" to "production" before customers come.',
            account.name,
        )
    client = client_for(account.name)
    try:
        coins = client.list_coins()
    except GatewayAuthenticationError as error:
        if abs(client.clock_offset or 0) >= _CLOCK_NEAR_LIMIT:
            remedy = "Set this machine's clock first: with a clock so far off nothing is accepted."
            yield CheckResult(subject, Level.ERROR, str(error), remedy, account.name, "clock")
        else:
            remedy = "Compare API_KEY and API_SECRET with the account."
            yield CheckResult(subject, Level.ERROR, str(error), remedy, account.name, "refused")
    except GatewayPermissionError as error:
        remedy = "Give the key its permissions in the account, and put this machine's address on its white-list."
        yield CheckResult(subject, Level.ERROR, str(error), remedy, account.name, "permission")
    except GatewayError as error:
        remedy = "See the status page of the gateway, and whether this machine reaches it."
        yield CheckResult(subject, Level.ERROR, f"{type(error).__name__}: {error}", remedy, account.name, "no-answer")
    else:
        found = "a signed GET was answered: key, secret and permission are right"
        yield CheckResult(subject, Level.OK, found, account=account.name)
        yield judge_coins(coins, account)
    yield _judge_clock(client.clock_offset, account)


def _judge_clock(offset: float | None, account: Account) -> CheckResult:
    if offset is None:
        return CheckResult("clock", Level.OK, "the gateway did not say what time it has", account=account.name)
    seconds = abs(round(offset))
    found = "this machine's clock agrees with that of the gateway"
    if seconds:
        where = "ahead of" if offset > 0 else "behind"
        found = f"this machine's clock is {seconds} seconds {where} that of the gateway"
    if seconds < _CLOCK_TOLERATED:
        return CheckResult("clock", Level.OK, found, account=account.name)
    remedy = f"Set it by NTP. From {_CLOCK_LIMIT} seconds on the gateway refuses every request."
    level = Level.ERROR if seconds >= _CLOCK_NEAR_LIMIT else Level.WARNING
    return CheckResult("clock", level, found, remedy, account.name)


def last_callback(account: Account) -> datetime | None:
    """Return when the last callback of an account came; our own self-tests are none."""
    found = [_matched(account, mark).last() for mark in (*account.secret_marks, "")]
    return max((at for at in found if at is not None), default=None)


def check_secrets(account: Account, now: datetime) -> Iterator[CheckResult]:
    """Report when each callback secret was last used, and when an older one can be removed.

    That is two days after the newest was first of use, or an older one last, whichever is later.
    """
    last = [_matched(account, mark).last() for mark in account.secret_marks]
    uses = ", ".join(f"number {index + 1} {since(at, now)}" for index, at in enumerate(last))
    found = f"{len(last)} in CALLBACK_SECRETS; last matched: {uses}"
    newest_since = _matched(account, account.secret_marks[0]).first()
    if len(last) == 1:
        yield CheckResult("secrets", Level.OK, found, account=account.name)
    elif newest_since is None:
        remedy = "Keep them all: no callback has matched the newest yet, which stands first."
        yield CheckResult("secrets", Level.OK, found, remedy, account.name)
    else:
        rest_from = max([newest_since, *(at for at in last[1:] if at is not None)])
        if now - rest_from < SECRET_REST:
            remedy = f"Keep them all. What is older than the first may go on {rest_from + SECRET_REST:%Y-%m-%d %H:%M}."
            yield CheckResult("secrets", Level.OK, found, remedy, account.name)
        else:
            remedy = "What is older than the first may go: nothing that was signed with it can still be on its way."
            yield CheckResult("secrets", Level.WARNING, found, remedy, account.name, "may-go")


def _matched(account: Account, mark: str) -> QuerySet[Callback, datetime]:
    """Return when callbacks came that one secret had signed, in order. The first and the last cost one look each."""
    rows = Callback.objects.filter(account=account.name, secret_mark=mark).exclude(digest=callback_selftest.DIGEST)
    return rows.order_by("received_at").values_list("received_at", flat=True)


def check_arrivals(account: Account, now: datetime) -> Iterator[CheckResult]:
    """Report when the last callback arrived; warn if there are payments without a callback."""
    last = last_callback(account)
    paid = _last_payment(account)
    found = f"last callback: {since(last, now)}; last payment found: {since(paid, now)}"
    if paid is not None and (last is None or paid - last > _QUIET):
        remedy = "Look at the callback log in the account: is the URL right, and does it answer 200?"
        yield CheckResult("callbacks arrive", Level.ERROR, found, remedy, account.name)
    else:
        yield CheckResult("callbacks arrive", Level.OK, found, account=account.name)


def _last_payment(account: Account) -> datetime | None:
    """Return when the last payment of an account was found, of its newest invoices that have money.

    These are found by an index. The newest of all payments would be found only by reading them all.
    """
    here = {"account": account.name, "environment": account.environment}
    newest = Invoice.objects.filter(**here, paid_amount__gt=0).order_by("-created_at").values_list("pk", flat=True)
    payments = Payment.objects.filter(invoice__in=list(newest[:_NEWEST]))
    at: datetime | None = payments.aggregate(at=Max("detected_at"))["at"]
    return at


def check_sample(account: Account, size: int) -> Iterator[CheckResult]:
    """Compare the open invoices that were asked about longest ago with the gateway, field by field."""
    here = {"account": account.name, "environment": account.environment}
    sample = Invoice.objects.filter(open_invoices(), **here, gateway_id__isnull=False)
    compared, drifted = 0, []
    for invoice in sample.order_by(F("polled_at").asc(nulls_first=True), "pk")[:size]:
        try:
            differences = explain_drift(invoice, client_for(account.name).retrieve_invoice(str(invoice.gateway_id)))
        except GatewayNotFoundError:
            differences = ["the gateway does not know it"]
        except GatewayError as error:
            differences = [f"{type(error).__name__}: {error}"]
        compared += 1
        if differences:
            drifted.append(f"invoice {invoice.pk}: {', '.join(differences)}")
    if drifted:
        remedy = "Run cryptopay_reconcile, and see why no callback told."
        yield CheckResult("drift", Level.WARNING, "; ".join(drifted), remedy, account.name)
    else:
        yield CheckResult("drift", Level.OK, f"{compared} open invoices compared: no difference", account=account.name)
