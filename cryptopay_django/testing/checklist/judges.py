"""Judges the results of the scenarios, with one function for each point or for similar points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...conf import app_settings, client_for
from ...exceptions import CryptopayError
from ...models import InvoiceStatus, ResolutionStatus, StatusContext
from ...services.diagnosis import explain_drift
from ..inprocess import InProcessSandbox
from .callback_judge import judge_callbacks
from .channels import ChannelStory
from .report import GATEWAY_POINTS, Finding, Result
from .stage import Story
from .stories import CONTEXTS, HELD, by_setting, by_staff

_ENDS = (InvoiceStatus.COMPLETED, InvoiceStatus.REFUNDED)


@dataclass
class Played:
    """All scenarios of a run, and their results."""

    stories: dict[str, Story] = field(default_factory=dict)
    cannot_create: str = ""
    probe_error: str = ""
    has_probe: bool = False
    notified: dict[str, tuple[str, ...]] = field(default_factory=dict)
    secret_given: bool = False
    channel_stories: list[ChannelStory] = field(default_factory=list)

    def pick(self, *names: str) -> list[Story]:
        """Return the stories with these names that were started."""
        return [self.stories[name] for name in names if name in self.stories]


def judge(sandbox: InProcessSandbox, played: Played) -> list[Finding]:
    """Return the findings about the gateway's fourteen points."""
    if not played.stories:
        return nothing_played(played)
    findings = [
        *judge_resolving(played),
        judge_settings(played),
        judge_creation(played),
        *judge_scenarios(played),
        judge_endings(played),
        judge_callbacks(
            sandbox, [*played.stories.values(), *played.channel_stories], secret_given=played.secret_given
        ),
        judge_reading(played),
        judge_credits(played),
        judge_resending(played),
        judge_teams(played),
    ]
    return sorted(findings, key=lambda finding: finding.number)


def nothing_played(played: Played) -> list[Finding]:
    """Return the findings about the gateway's fourteen points if no order could be placed."""
    nothing = "nothing could be played: see point 5"
    return [
        judge_creation(played) if number == 5 else Finding(number, Result.NOT_MEASURED, nothing)
        for number in GATEWAY_POINTS
    ]


def judge_resolving(played: Played) -> Iterator[Finding]:
    """Judge points 1 to 3: each context can be settled and refunded with the functions for staff."""
    for number, context in enumerate(CONTEXTS, 1):
        wrong, done = [], []
        for story in played.pick(by_staff(context, "settled"), by_staff(context, "refunded")):
            resolution = story.resolution
            if story.error or resolution is None:
                wrong.append(f"{story.name}: {story.error or 'was never resolved'}")
            elif resolution.status != ResolutionStatus.SUCCEEDED:
                wrong.append(f"{story.name}: {resolution.status} {resolution.error}".strip())
            else:
                done.append(f"{resolution.kind}: {_ending(story)}")
        yield verdict(number, wrong, f"both ways work at the desk ({'; '.join(done)})", is_played=bool(wrong or done))


def judge_settings(played: Played) -> Finding:
    """Judge point 4: the shop's rows follow every setting of the account."""
    wrong, done = [], []
    for context in CONTEXTS:
        stories = played.pick(by_setting(context, "recalculate"), by_setting(context, "refund"))
        wrong += [
            f"{story.name}: {story.error or story.state}"
            for story in stories
            if story.error or story.invoice.status not in _ENDS
        ]
        done += [f"{context} {' or '.join(story.state for story in stories)}"] if stories else []
    evidence = f"the shop follows whichever you choose, recalculate or refund: {'; '.join(done)}"
    return verdict(4, wrong, evidence, is_played=bool(done))


def judge_creation(played: Played) -> Finding:
    """Judge point 5: the shop creates invoices, each with its own address."""
    invoices = [story.invoice for story in played.stories.values()]
    wrong = [played.cannot_create] if played.cannot_create else []
    if len({invoice.address + invoice.destination_tag for invoice in invoices}) != len(invoices):
        wrong.append("two invoices share an address: the shop used one again")
    coins = ", ".join(sorted({f"{invoice.pay_currency} on {invoice.network}" for invoice in invoices}))
    return verdict(5, wrong, f"{len(invoices)} invoices in {coins}, each with an address of its own")


def judge_scenarios(played: Played) -> Iterator[Finding]:
    """Judge points 6 to 8: the gateway and our row agree on the result of the payment."""
    for number, context in enumerate(CONTEXTS, 6):
        stories = played.pick(by_staff(context, "settled"), by_staff(context, "refunded"))
        wrong = [f"{story.name}: our row never said {context}" for story in stories if story.reached != context]
        shown = ", ".join(
            f"{story.invoice.paid_amount:f} of {story.invoice.pay_amount or 0:f} {story.invoice.pay_currency}"
            for story in stories[:1]
        )
        yield verdict(number, wrong, f"{shown} paid: unresolved ({context})", is_played=bool(stories))


def judge_endings(played: Played) -> Finding:
    """Judge point 9: each invoice has ended, and the shop has not cancelled an order whose invoice was completed."""
    wrong, ends = [], []
    for context in CONTEXTS:
        for story in played.pick(by_staff(context, "settled"), by_staff(context, "refunded")):
            if story.invoice.status not in _ENDS:
                wrong.append(f"{story.name}: ended as {story.state}")
            elif story.credits and not story.undelivered and _given_up(story):
                wrong.append(
                    f"{story.name}: completed with {story.invoice.settled_amount or 0:f} "
                    f"{story.invoice.price_currency}, but the shop credited nothing: it had given the order up"
                )
            else:
                ends.append(f"{story.name}: {story.invoice.status}")
    return verdict(9, wrong, "; ".join(ends), is_played=bool(wrong or ends))


def judge_reading(played: Played) -> Finding:
    """Judge point 11: GET and our row agree for every invoice, and an invoice is confirmed with GET before it ends."""
    wrong = []
    if not app_settings.CONFIRM_WITH_API:
        wrong.append("CRYPTOPAY_CONFIRM_WITH_API is off: a callback alone may finish an invoice")
    for story in played.stories.values():
        try:
            snapshot = client_for(story.invoice.account).retrieve_invoice(str(story.invoice.gateway_id))
        except CryptopayError as error:
            wrong.append(f"{story.name}: {type(error).__name__}: {error}")
        else:
            wrong += [f"{story.name}: {difference}" for difference in explain_drift(story.invoice, snapshot)]
    return verdict(11, wrong, f"{len(played.stories)} invoices read and compared field by field: no difference")


def judge_credits(played: Played) -> Finding:
    """Judge point 12: an order is credited when its invoice is completed, not before, and not too much."""
    failing = [
        f"{story.name}: a receiver of {event.kind} raised {event.last_error.strip().splitlines()[-1]}"
        for story in played.stories.values()
        for event in story.undelivered
    ]
    first = {
        story.name: f"{story.name}: {credit.wrong}"
        for story in played.stories.values()
        for credit in reversed(story.credits)
        if credit.wrong and "resent" not in credit.moment
    }
    wrong = [*dict.fromkeys(failing), *first.values(), *filter(None, [played.probe_error])]
    if wrong:
        return Finding(12, Result.FAILED, shorten(wrong))
    if not played.has_probe:
        return _no_probe(12)
    completed = [story for story in played.stories.values() if story.invoice.status == InvoiceStatus.COMPLETED]
    visits = sum("return URL" in credit.moment for story in played.stories.values() for credit in story.credits)
    seen = (
        f"{visits} visits to the return URL credited nothing" if visits else "the invoices have no return URL to try"
    )
    return Finding(12, Result.PASSED, f"{len(completed)} completed invoices credited, no more and no sooner; {seen}")


def judge_resending(played: Played) -> Finding:
    """Judge point 13: resent callbacks do not change what is credited."""
    resent = [story for story in played.stories.values() if story.resent]
    if not played.has_probe or played.probe_error:
        return _no_probe(13)
    if not resent:
        return Finding(13, Result.NOT_MEASURED, "no callback was accepted the first time: see point 10")
    wrong = [
        f"{story.name}: {story.before_resend:f} credited before, {story.credits[-1].amount:f} after"
        for story in resent
        if story.before_resend != story.credits[-1].amount
    ]
    count = sum(story.resent for story in resent)
    same = ", ".join(f"{story.credits[-1].amount:f} before and after ({story.name})" for story in resent)
    return verdict(13, wrong, f"{count} callbacks resent; {same}")


def judge_teams(played: Played) -> Finding:
    """Judge point 14: a team is notified of a held payment, and staff cannot settle or refund it."""
    story = played.stories.get(HELD)
    if story is None:
        return verdict(14, [], "", is_played=False)
    if story.reached != StatusContext.ILLICIT_RESOURCE:
        return Finding(14, Result.FAILED, "a high-risk payment was not held (illicit_resource)")
    if "held" not in played.notified:
        return Finding(
            14, Result.NOT_MEASURED, "a notice about held payments left too short a time ago to send another"
        )
    recipients = played.notified["held"]
    if not recipients:
        missing = 'no one is notified of a held payment: name them in CRYPTOPAY_NOTICE_RECIPIENTS["held"]'
        return Finding(14, Result.FAILED, missing)
    notified = ", ".join(recipients)
    return Finding(
        14, Result.PASSED, f"{notified} is notified of a payment on hold; {_ending(story)} when the gateway decided"
    )


def verdict(number: int, wrong: list[str], evidence: str, *, is_played: bool = True) -> Finding:
    """Return a finding that failed for these reasons, or passed with this evidence."""
    if not is_played:
        return Finding(number, Result.NOT_MEASURED, "its stories were not played")
    return Finding(number, Result.FAILED, shorten(wrong)) if wrong else Finding(number, Result.PASSED, evidence)


def shorten(reasons: list[str], most: int = 3) -> str:
    """Return the first reasons, and the number of further ones."""
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return "; ".join(reasons[:most]) + more


def _no_probe(number: int) -> Finding:
    return Finding(
        number,
        Result.NOT_MEASURED,
        "name a function that returns what was credited for an invoice: CRYPTOPAY_CHECKLIST_PROBE or --probe",
    )


def _given_up(story: Story) -> bool:
    row = story.invoice
    is_covered = row.settled_amount is not None and row.settled_amount >= row.price_amount
    return row.status == InvoiceStatus.COMPLETED and is_covered and story.credits[-1].amount == 0


def _ending(story: Story) -> str:
    settled = story.invoice.settled_amount
    return story.state if settled is None else f"{story.state} with {settled:f} {story.invoice.price_currency}"
