"""Plays payments to channels with the shop's own code, and records what it credits. `channel_judges.py` judges it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from typing import Any

from django.test import Client

from ...exceptions import CryptopayError
from ...models import Channel, ChannelPayment
from ...sandbox import channels as gateway
from ...services import disable_channel, process_overdue, reconcile_channels
from ..inprocess import InProcessSandbox
from .stage import ROUNDS, spell_state

OpenChannel = Callable[[Client], Channel]
ChannelProbe = Callable[[ChannelPayment], Any]

TWO_PAYMENTS, CHANNEL_HELD, CHANNEL_DISABLED = "channel, two payments", "channel, held", "channel, disabled"
_WORTH = (Decimal(50), Decimal(20))  # in EUR


@dataclass
class Receipt:
    """One payment to a channel: the gateway's data, our row, and what the shop had credited for it when."""

    name: str
    there: gateway.ChannelPayment
    row: ChannelPayment | None = None
    credits: list[tuple[str, Decimal]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Status and context of our row as readable text."""
        return "missing" if self.row is None else spell_state(self.row.status, self.row.status_context)

    @property
    def credited(self) -> Decimal:
        """The amount that the shop has credited for it until now."""
        return self.credits[-1][1] if self.credits else Decimal(0)


@dataclass
class ChannelStory:
    """A channel, its payments, and all observations."""

    name: str
    channel: Channel
    receipts: list[Receipt] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    error: str = ""
    resent: int = 0
    before_resend: list[Decimal] = field(default_factory=list)
    while_held: str = ""

    @property
    def account(self) -> str:
        """The account whose callbacks are about the payments."""
        return self.channel.account

    @property
    def subjects(self) -> list[gateway.ChannelPayment]:
        """The payments, as the gateway has them: callbacks are about each of them."""
        return [receipt.there for receipt in self.receipts]

    @property
    def wrong(self) -> list[str]:
        """The differences between what was credited and what should have been, one for each payment."""
        return [difference for receipt in self.receipts for difference in receipt.wrong[:1]]


class ChannelStage:
    """Plays the customer, the blockchain and staff for the channels of a shop."""

    def __init__(
        self, sandbox: InProcessSandbox, *, open_channel: OpenChannel | None, probe: ChannelProbe | None
    ) -> None:
        self.sandbox = sandbox
        self.open_channel = open_channel
        self.probe = probe
        self.stories: dict[str, ChannelStory] = {}
        self.cannot_open = ""
        self.probe_error = ""

    def play(self, names: Collection[str] | None, progress: Callable[[str], None]) -> None:
        """Play the stories, up to the first channel that the shop cannot open."""
        if self.open_channel is None:
            return
        for name, act in _ACTS.items():
            if names is not None and name not in names:
                continue
            progress(name)
            try:
                story = ChannelStory(name, self._open())
            except Exception as error:  # noqa: BLE001 - the shop's own code: whatever it raises is the finding
                self.cannot_open = f"{name}: the channel failed: {type(error).__name__}: {error}"
                return
            self.stories[name] = story
            try:
                act(self, story)
            except CryptopayError as error:
                story.error = f"{name}: {type(error).__name__}: {error}"

    def pay(self, story: ChannelStory, worth: Decimal, *, risk: str = "low") -> None:
        """Send coins of about this worth in EUR, then confirm them. Nothing may be credited before that."""
        channel, rates = story.channel, self.sandbox.account(story.account).state.rates
        rate = rates.sell_rate(channel.pay_currency, "EUR", self.sandbox.now)
        amount = (worth / rate).quantize(Decimal("0.000001"), rounding=ROUND_UP)
        paid = self.sandbox.pay(channel, amount, risk=risk)
        story.receipts.append(Receipt(f"{story.name}: {amount:f} {channel.pay_currency}", paid))
        self.look(story, "before it was confirmed")
        self.sandbox.confirm(channel)
        self.look(story, "after the confirmation")

    def look(self, story: ChannelStory, moment: str) -> None:
        """Deliver and process due callbacks, compare our rows with the gateway, and record what is credited."""
        self.sandbox.deliver()
        for _ in range(ROUNDS):
            if not process_overdue():
                break
        for receipt in story.receipts:
            self._compare(story, receipt, moment)
            self._ask_probe(receipt, moment)

    def resend(self, story: ChannelStory) -> None:
        """Let the gateway send every callback again, the oldest last."""
        story.before_resend = [receipt.credited for receipt in story.receipts]
        for receipt in story.receipts:
            for callback in reversed(self.sandbox.callbacks(receipt.there)):
                if any(attempt.ok for attempt in callback.attempts):
                    self.sandbox.resend(callback)
                    self.sandbox.deliver()
                    story.resent += 1
        self.look(story, "after every callback was resent")

    def _open(self) -> Channel:
        channel = self.open_channel(Client()) if self.open_channel else None
        if not isinstance(channel, Channel) or not channel.is_open:
            raise TypeError(f"the channel function must return a Channel that is open, not {channel!r}")
        return channel

    def _compare(self, story: ChannelStory, receipt: Receipt, moment: str) -> None:
        receipt.row = self._find(receipt)
        there = receipt.there
        theirs = spell_state(str(there.status), str(there.context or ""))
        if theirs != receipt.state:
            story.missed.append(f"{receipt.name}, {moment}: the gateway has {theirs}, our row was {receipt.state}")
            reconcile_channels()
            receipt.row = self._find(receipt)

    def _find(self, receipt: Receipt) -> ChannelPayment | None:
        return ChannelPayment.objects.primary().filter(gateway_id=receipt.there.id).first()

    def _ask_probe(self, receipt: Receipt, moment: str) -> None:
        if self.probe is None or self.probe_error or receipt.row is None:
            return
        try:
            amount = Decimal(self.probe(receipt.row) or 0)
        except Exception as error:  # noqa: BLE001 - the shop's own code: whatever it raises is the finding
            self.probe_error = f"the channel probe raised {type(error).__name__}: {error}"
            return
        receipt.credits.append((moment, amount))
        due = receipt.row.credited_amount
        if amount != due:
            receipt.wrong.append(f"{receipt.name}: {amount:f} credited for {due:f}, {moment} ({receipt.state})")


def _pay_twice(stage: ChannelStage, story: ChannelStory) -> None:
    """Pay twice with different amounts, then resend all callbacks."""
    for worth in _WORTH:
        stage.pay(story, worth)
    stage.resend(story)


def _hold(stage: ChannelStage, story: ChannelStory) -> None:
    """Pay from a risky wallet. The payment is on hold until the gateway's monitoring team completes it."""
    stage.pay(story, _WORTH[0], risk="high")
    story.while_held = story.receipts[0].state
    stage.sandbox.decide(story.receipts[0].there, "complete")
    stage.look(story, "after the gateway released it")


def _pay_disabled(stage: ChannelStage, story: ChannelStory) -> None:
    """Disable the channel like staff, then pay."""
    story.channel = disable_channel(story.channel)
    stage.pay(story, _WORTH[0])
    story.while_held = story.receipts[0].state


_ACTS: dict[str, Callable[[ChannelStage, ChannelStory], None]] = {
    TWO_PAYMENTS: _pay_twice,
    CHANNEL_HELD: _hold,
    CHANNEL_DISABLED: _pay_disabled,
}
