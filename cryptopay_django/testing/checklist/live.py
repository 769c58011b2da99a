"""Runs the checklist against the gateway's test environment: a person sends the coins, this code waits and checks.

The site must be running, and the gateway must reach its callback URL. The site writes the rows. This code reads them,
resolves the invoices like staff, and compares them with GET.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_UP, Decimal

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ...conf import BASE_URLS, app_settings, client_for, get_account
from ...exceptions import CryptopayError, GatewayError
from ...fields import canonical
from ...models import Callback, CallbackOutcome, Invoice, InvoiceStatus, StatusContext
from ...services import process_overdue, refresh_invoice
from .callback_judge import UNDONE
from .judges import (
    Played,
    judge_creation,
    judge_credits,
    judge_endings,
    judge_reading,
    judge_resending,
    judge_resolving,
    judge_scenarios,
    nothing_played,
)
from .report import CHANNEL_POINTS, Finding, Report, Result
from .stage import PlaceOrder, Probe, Shop, Story, place_plain_order, spell_state
from .stories import CONTEXTS, PAID, by_staff

_FACTORS: dict[str, Decimal] = {StatusContext.UNDERPAID: Decimal("0.9"), StatusContext.OVERPAID: Decimal("1.5")}


@dataclass(frozen=True, slots=True)
class Task:
    """A task for a person. `amount` is in the invoice's coin, or None if nothing must be sent."""

    invoice: Invoice
    text: str
    amount: Decimal | None = None
    is_late: bool = False


Ask = Callable[[Sequence[Task]], None]


@dataclass
class _Course:
    """A running story: its expected result, and how it is resolved then."""

    story: Story
    context: str = ""
    resolve: Callable[[Shop, Story], None] | None = None
    seen: str = ""
    asked_at: float = field(default_factory=time.monotonic)
    differed: str = ""

    @property
    def is_over(self) -> bool:
        return self.story.invoice.is_final or bool(self.story.error)


def run_live_checklist(
    *,
    ask: Ask,
    place_order: PlaceOrder | None = None,
    probe: Probe | None = None,
    account: str = "default",
    patience: timedelta = timedelta(hours=1),
    pause: float = 2.0,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Place the orders, ask a person to pay them in seven ways, wait, resolve them, and judge the results.

    Calls `ask` with the tasks, and then waits for them up to `patience`. Raises ImproperlyConfigured for an account
    with real money.
    """
    if get_account(account).base_url == BASE_URLS["production"]:
        raise ImproperlyConfigured(f'account "{account}" is a live one: use one of the test environment')
    begun_at, begun = timezone.now(), time.monotonic()
    shop = Shop(place_order=place_order or place_plain_order, probe=probe)
    played = Played(has_probe=probe is not None)
    courses = []
    try:
        for course in _place_orders(shop):
            played.stories[course.story.name] = course.story
            courses.append(course)
    except Exception as error:  # noqa: BLE001 - the shop's own code: whatever it raises is the finding
        played.cannot_create = f"the order failed: {type(error).__name__}: {error}"
    if courses:
        ask([_payment_of(course) for course in courses])
        _wait(courses, shop, until=time.monotonic() + patience.total_seconds(), pause=pause, progress=progress)
        _have_resent(courses, shop, ask, patience=patience, pause=pause)
    played.probe_error = shop.probe_error
    notes = ["Points 4, 14 and those about channels, and forged callbacks, are played without --live."]
    return Report(_judge(played), account, begun_at, time.monotonic() - begun, None, notes)


def _place_orders(shop: Shop) -> Iterator[_Course]:
    yield _Course(shop.begin(PAID))
    for context in CONTEXTS:
        yield _Course(shop.begin(by_staff(context, "settled")), context, Shop.settle)
        yield _Course(shop.begin(by_staff(context, "refunded")), context, Shop.refund)


def _payment_of(course: _Course) -> Task:
    invoice = course.story.invoice
    places = app_settings.coins.get(invoice.pay_currency, {}).get(invoice.network, 8)
    factor = _FACTORS.get(course.context, Decimal(1))
    amount = ((invoice.pay_amount or Decimal(0)) * factor).quantize(Decimal(1).scaleb(-places), rounding=ROUND_UP)
    is_late = course.context == StatusContext.PAID_LATE
    until = f"{invoice.expires_at:%H:%M:%S %Z}" if invoice.expires_at else "the invoice expires"
    tag = f", tag {invoice.destination_tag}" if invoice.destination_tag else ""
    where = f"{canonical(amount):f} {invoice.pay_currency} ({invoice.network}) to {invoice.address}{tag}"
    text = f"{course.story.name}: send {where}, {'not before' if is_late else 'before'} {until}"
    return Task(invoice, text, amount, is_late)


def _wait(courses: list[_Course], shop: Shop, *, until: float, pause: float, progress: Callable[[str], None]) -> None:
    """Check every story until all are finished. If a callback is missing, use GET and note it."""
    while waiting := [course for course in courses if not course.is_over]:
        if time.monotonic() >= until:
            for course in waiting:
                course.story.error = f"it was still {course.story.state} when the time was over"
            return
        process_overdue()
        for course in waiting:
            _look(course, shop, ask_after=pause * 15)
        progress(f"{len(courses) - len(waiting)} of {len(courses)} have ended")
        time.sleep(pause)


def _look(course: _Course, shop: Shop, *, ask_after: float) -> None:
    story = course.story
    story.invoice = Invoice.objects.primary().get(pk=story.invoice.pk)
    if time.monotonic() - course.asked_at >= ask_after:
        course.asked_at = time.monotonic()
        _compare(course)
    if story.state != course.seen:
        course.seen = story.state
        shop.look(story, f"when it had become {story.state}")
    is_due = story.invoice.status == InvoiceStatus.UNRESOLVED and story.invoice.status_context == course.context
    if is_due and story.resolution is None and course.resolve is not None:
        try:
            course.resolve(shop, story)
        except CryptopayError as error:
            story.error = f"{type(error).__name__}: {error}"


def _compare(course: _Course) -> None:
    """Compare with the gateway. A difference that remains until the next check means a missing callback."""
    story = course.story
    try:
        snapshot = client_for(story.invoice.account).retrieve_invoice(str(story.invoice.gateway_id))
    except GatewayError:
        return
    theirs = spell_state(str(snapshot.status), snapshot.status_context or "")
    if theirs == story.state:
        course.differed = ""
    elif theirs == course.differed:
        story.missed.append(f"{story.name}: the gateway has {theirs}, our row still had {story.state}")
        story.invoice = refresh_invoice(story.invoice)
    else:
        course.differed = theirs


def _have_resent(courses: list[_Course], shop: Shop, ask: Ask, *, patience: timedelta, pause: float) -> None:
    """Ask the person to resend a callback of a completed invoice, and check that it is not credited again."""
    story = next((one.story for one in courses if one.story.invoice.status == InvoiceStatus.COMPLETED), None)
    if story is None:
        return
    before = _count_arrivals(story)
    story.before_resend = story.credits[-1].amount if story.credits else None
    text = f"{story.name}: in the account, open the callbacks of {story.invoice.gateway_id} and resend the last one"
    ask([Task(story.invoice, text)])
    until = time.monotonic() + patience.total_seconds()
    while time.monotonic() < until:
        process_overdue()
        if (count := _count_arrivals(story)) > before:
            story.resent = count - before
            shop.look(story, "after a callback was resent")
            return
        time.sleep(pause)


def _count_arrivals(story: Story) -> int:
    """Count the processed callbacks of an invoice. Repetitions are included, but have no separate row."""
    processed = Callback.objects.primary().filter(invoice=story.invoice).exclude(outcome=CallbackOutcome.PENDING)
    return sum(1 + repeats for repeats in processed.values_list("repeats", flat=True))


def _judge(played: Played) -> list[Finding]:
    without = "it cannot be played here: run the checklist without --live"
    channels = [Finding(number, Result.NOT_MEASURED, without) for number in CHANNEL_POINTS]
    if not played.stories:
        return [*nothing_played(played), *channels]
    is_credited = any(story.invoice.status == InvoiceStatus.COMPLETED for story in played.stories.values())
    credited = judge_credits(played)
    if credited.result is Result.PASSED and not is_credited:
        credited = Finding(12, Result.NOT_MEASURED, "nothing was paid")
    findings = [
        *judge_resolving(played),
        Finding(4, Result.NOT_MEASURED, without),
        judge_creation(played),
        *judge_scenarios(played),
        judge_endings(played),
        judge_inbox(list(played.stories.values())),
        judge_reading(played),
        credited,
        judge_resending(played),
        Finding(14, Result.NOT_MEASURED, without),
        *channels,
    ]
    return sorted(findings, key=lambda finding: finding.number)


def judge_inbox(stories: list[Story]) -> Finding:
    """Judge point 10 as far as possible: callbacks arrived for every paid invoice, and no GET corrected anything."""
    rows = Callback.objects.primary().filter(invoice__in=[story.invoice.pk for story in stories])
    wrong = [missed for story in stories for missed in story.missed[:1]]
    wrong += [f"a callback is {row.outcome} ({row.error})" for row in rows.filter(outcome__in=UNDONE)]
    heard = set(rows.values_list("invoice", flat=True))
    silent = [story for story in stories if story.reached and story.invoice.pk not in heard]
    wrong += [f"{story.name}: no callback arrived" for story in silent]
    if not stories or (not wrong and not rows):
        return Finding(10, Result.NOT_MEASURED, "nothing was paid")
    if wrong:
        return Finding(10, Result.FAILED, "; ".join(wrong[:3]))
    numbers = ", ".join(str(index + 1) for index in sorted(set(rows.values_list("secret_index", flat=True))))
    evidence = f"{len(rows)} arrived at the callback URL, matched secret number {numbers}, and are processed"
    return Finding(10, Result.PASSED, evidence)
