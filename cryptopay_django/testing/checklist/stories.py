"""Defines the stories, with one function for each kind. Each invoice has its own order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ...exceptions import CryptopayError
from ...models import StatusContext
from .stage import Stage, Story

Play = Callable[[Stage, Story], None]

CONTEXTS = (StatusContext.UNDERPAID, StatusContext.OVERPAID, StatusContext.PAID_LATE)
PAID, OUT_OF_ORDER, HELD = "paid in full", "callbacks out of order", "held"


@dataclass(frozen=True, slots=True)
class Script:
    """A story to play."""

    name: str
    play: Play


def scripts() -> Iterator[Script]:
    """Yield all stories: first the plain ones, then each context, resolved by staff and by the account's settings."""
    yield Script(PAID, _pay_in_full)
    yield Script(OUT_OF_ORDER, _pay_out_of_order)
    for context in CONTEXTS:
        yield Script(by_staff(context, "settled"), partial(_by_staff, context, Stage.settle))
        yield Script(by_staff(context, "refunded"), partial(_by_staff, context, Stage.refund))
    for context in CONTEXTS:
        for handling in ("recalculate", "refund"):
            yield Script(by_setting(context, handling), partial(_by_setting, context, handling))
    yield Script(HELD, _hold)


def by_staff(context: str, how: str) -> str:
    """Return the name of the story in which staff resolve a context."""
    return f"{context}, {how}"


def by_setting(context: str, handling: str) -> str:
    """Return the name of the story in which the account's setting resolves a context."""
    return f"{context}, setting {handling}"


def play(stage: Stage, script: Script) -> Story:
    """Play a story. An error of the shop ends the story and is stored in it."""
    story = stage.begin(script.name)
    try:
        script.play(stage, story)
    except CryptopayError as error:
        story.error = f"{type(error).__name__}: {error}"
    return story


def _pay_in_full(stage: Stage, story: Story) -> None:
    """Pay in full. One forged callback must be refused, and all callbacks are resent at the end."""
    stage.sandbox.fail_next("wrong_secret", account=story.invoice.account)
    stage.sandbox.pay(story.invoice)
    stage.sandbox.deliver()
    stage.pass_time(story, timedelta(minutes=1), "after the payment")
    stage.sandbox.confirm(story.invoice)
    stage.look(story, "after the confirmation")
    stage.come_back(story)
    stage.resend(story)


def _pay_out_of_order(stage: Stage, story: Story) -> None:
    """Pay in full, but deliver the last callback before the two earlier ones."""
    stage.sandbox.fail_next("reorder", count=2, account=story.invoice.account)
    stage.sandbox.pay(story.invoice)
    stage.sandbox.confirm(story.invoice)
    stage.look(story, "when the last callback had arrived first")
    stage.pass_time(story, timedelta(minutes=2), "when the earlier ones had arrived, too")


def _by_staff(context: str, resolve: Play, stage: Stage, story: Story) -> None:
    _bring_to(context, stage, story)
    resolve(stage, story)
    if context == StatusContext.OVERPAID:
        stage.resend(story)


def _by_setting(context: str, handling: str, stage: Stage, story: Story) -> None:
    account = story.invoice.account
    stage.sandbox.settings(account, **{context: handling})
    try:
        _bring_to(context, stage, story)
    finally:
        stage.sandbox.settings(account, **{context: "manual"})


def _bring_to(context: str, stage: Stage, story: Story) -> None:
    if context == StatusContext.UNDERPAID:
        stage.pay(story, "0.9")
        stage.expire(story)
    elif context == StatusContext.OVERPAID:
        stage.pay(story, "1.5")
    else:
        stage.expire(story)
        stage.pay(story)


def _hold(stage: Stage, story: Story) -> None:
    """Pay from a risky wallet. The invoice is on hold until the gateway's monitoring team completes it."""
    stage.pay(story, risk="high")
    stage.sandbox.decide(story.invoice, "complete")
    stage.look(story, "after the gateway let it through")
