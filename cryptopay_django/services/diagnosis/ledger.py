"""Compares the gateway's ledger of the last day that is over with our rows."""

from __future__ import annotations

from datetime import datetime

from ...conf import Account
from ..reconciliation.compare_ledger import compare_ledger, day_of, yesterday
from .check_result import CheckResult, Level

_SHOWN = 5


def check_ledger(account: Account, now: datetime) -> CheckResult:
    """Return whether the ledger of yesterday, in UTC, agrees with our rows.

    Reads a few pages: as many as people's looks at the ledger may use. Where that is not enough, it says so.
    """
    subject, day = "ledger", yesterday(now)
    since, until = day_of(day)
    found = compare_ledger(account.name, since=since, until=until)
    text = f"{day}: {found.compared} of our rows compared, {len(found.others)} not ours"
    if found.differences:
        named = "; ".join(one.summary for one in found.differences[:_SHOWN])
        more = len(found.differences) - _SHOWN
        text = f"{text}. {named}" + (f"; and {more} more" if more > 0 else "")
        remedy = f"Look at each in the account and in the admin. All: cryptopay_reconcile --ledger {day}"
        return CheckResult(subject, Level.WARNING, text, remedy, account.name)
    if found.is_balanced:
        return CheckResult(subject, Level.OK, f"{text}, no difference", account=account.name)
    doubts = [f"not read to its end: {found.stopped}"] if found.stopped else []
    doubts += [f"{len(found.unproven)} in doubt"] if found.unproven else []
    doubts += [f"{len(found.unreadable)} cannot be read"] if found.unreadable else []
    remedy = f"It has the time to read all: cryptopay_reconcile --ledger {day}"
    return CheckResult(subject, Level.OK, f"{text}; {', '.join(doubts)}", remedy, account.name)
