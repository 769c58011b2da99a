"""Judges the points about channels: the gateway asks for none of them, but a shop that credits payments needs each."""

from __future__ import annotations

from collections.abc import Iterator

from ...models import ChannelPaymentContext, EventKind, InvoiceEvent
from ...services.events.unheard import is_heard
from .channels import CHANNEL_DISABLED, CHANNEL_HELD, TWO_PAYMENTS, ChannelStage, ChannelStory
from .judges import verdict
from .report import CHANNEL_POINTS, Finding, Result

_CREDITED, _HELD, _DISABLED, _RESENT = CHANNEL_POINTS


def judge_channels(stage: ChannelStage) -> list[Finding]:
    """Return the findings about channels. A shop without channels does not need them."""
    if stage.open_channel is None and not is_heard(EventKind.CHANNEL_PAYMENT_COMPLETED):
        unused = "the shop has no channels: nothing receives channel_payment_completed"
        return [Finding(number, Result.NOT_MEASURED, unused, is_required=False) for number in CHANNEL_POINTS]
    if reason := _not_measured(stage):
        failed = Finding(_CREDITED, Result.FAILED, stage.cannot_open or stage.probe_error)
        rest = [Finding(number, Result.NOT_MEASURED, reason) for number in CHANNEL_POINTS]
        return [failed, *rest[1:]] if failed.evidence else rest
    return [
        _judge_credits(stage),
        _judge_hold(_HELD, stage.stories.get(CHANNEL_HELD), ChannelPaymentContext.ILLICIT_RESOURCE),
        _judge_hold(_DISABLED, stage.stories.get(CHANNEL_DISABLED), ChannelPaymentContext.CHANNEL_DISABLED),
        _judge_resending(stage.stories.get(TWO_PAYMENTS)),
    ]


def _not_measured(stage: ChannelStage) -> str:
    """Return why nothing about channels can be judged; empty if it can."""
    if stage.open_channel is None:
        return "name a function that returns a customer's channel: CRYPTOPAY_CHECKLIST_CHANNEL or --channel"
    if stage.cannot_open or stage.probe_error:
        return f"nothing could be measured: see point {_CREDITED}"
    if stage.probe is None:
        return (
            "name a function that returns what was credited for a channel payment: "
            "CRYPTOPAY_CHECKLIST_CHANNEL_PROBE or --channel-probe"
        )
    return ""


def _judge_credits(stage: ChannelStage) -> Finding:
    """Judge that each payment is credited with what the gateway credited, not before, and that no receiver raises."""
    story = stage.stories.get(TWO_PAYMENTS)
    if story is None:
        return verdict(_CREDITED, [], "", is_played=False)
    open_still = [f"{one.name}: our row is {one.state}" for one in story.receipts if one.state != "completed"]
    wrong = [*_failing(story), *story.wrong, *filter(None, [story.error]), *open_still]
    done = (f"{one.name.partition(': ')[2]}: {one.credited:f} {one.there.received_currency}" for one in story.receipts)
    return verdict(_CREDITED, wrong, f"{'; '.join(done)}, each when it was completed")


def _judge_hold(number: int, story: ChannelStory | None, context: ChannelPaymentContext) -> Finding:
    """Judge that a payment that the gateway holds is stored as held, and credited only if the gateway completes it."""
    if story is None:
        return verdict(number, [], "", is_played=False)
    wrong = [*_failing(story), *story.wrong, *filter(None, [story.error])]
    receipt = story.receipts[0] if story.receipts else None
    if receipt is None or context not in story.while_held:
        state = "was never paid" if receipt is None else f"was {story.while_held or receipt.state}"
        wrong.append(f"{story.name}: the payment {state}, not on_hold ({context})")
    if wrong or receipt is None:
        return verdict(number, wrong, "")
    after = f"; {receipt.credited:f} {receipt.there.received_currency} when the gateway completed it"
    evidence = f"{story.while_held}: nothing credited{after if receipt.credited else ', and it waits for a person'}"
    return verdict(number, wrong, evidence)


def _judge_resending(story: ChannelStory | None) -> Finding:
    """Judge that resent callbacks do not change what is credited."""
    if story is None:
        return verdict(_RESENT, [], "", is_played=False)
    if not story.resent:
        return Finding(_RESENT, Result.NOT_MEASURED, "no callback was accepted the first time: see point 10")
    pairs = list(zip(story.receipts, story.before_resend, strict=True))
    wrong = [
        f"{receipt.name}: {before:f} credited before, {receipt.credited:f} after"
        for receipt, before in pairs
        if receipt.credited != before
    ]
    same = ", ".join(f"{before:f}" for _, before in pairs)
    return verdict(_RESENT, wrong, f"{story.resent} callbacks resent; {same} before and after")


def _failing(story: ChannelStory) -> Iterator[str]:
    """Yield the receivers that raised, once each."""
    rows = [receipt.row.pk for receipt in story.receipts if receipt.row is not None]
    events = InvoiceEvent.objects.primary().filter(channel_payment__in=rows, delivered_at=None, attempts__gt=0)
    found = (
        f"{story.name}: a receiver of {one.kind} raised {one.last_error.strip().splitlines()[-1]}" for one in events
    )
    yield from dict.fromkeys(found)
