"""Simulates network faults between the service and the merchant: the trouble maker. Seeded, off by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from .addresses import derive
from .amounts import EXACT, ZERO
from .refusals import detail, invalid, not_one_of

LONGEST_STORM = 10
MOST_PLANNED = 1_000


class Fault(StrEnum):
    """The faults that can be switched on. The first seven befall callbacks, the others requests to the API."""

    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DROP = "drop"
    DELAY = "delay"
    CUT = "cut"
    WRONG_SECRET = "wrong_secret"  # noqa: S105
    RESET = "reset"
    ERROR = "error"
    STORM = "storm"
    TIMEOUT = "timeout"


MEANINGS = {
    Fault.DUPLICATE: "the callback arrives twice, at the same time",
    Fault.REORDER: "the callback is held back, and later ones overtake it",
    Fault.DROP: "the callback never arrives and is not tried again: only polling finds out",
    Fault.DELAY: "the answer arrives after the deadline of 10 seconds: the callback is tried again",
    Fault.CUT: "the body is cut short: its signature does not match",
    Fault.WRONG_SECRET: "the callback is signed with a wrong secret",
    Fault.RESET: "the connection breaks, before or after the callback was received",
    Fault.ERROR: "the API answers 500, 502 or 503, before or after the effect",
    Fault.STORM: f"the API answers 503 to this request and up to {LONGEST_STORM} more",
    Fault.TIMEOUT: "the API does not answer, before or after the effect",
}

CALLBACK_FAULTS = (
    Fault.DUPLICATE, Fault.REORDER, Fault.DROP, Fault.DELAY, Fault.CUT, Fault.WRONG_SECRET, Fault.RESET,
)  # fmt: skip
API_FAULTS = (Fault.ERROR, Fault.STORM, Fault.TIMEOUT)


@dataclass(slots=True)
class Mishap:
    """One fault that is about to happen. `dice` decides what the fault leaves open."""

    fault: Fault
    after_effect: bool = False
    dice: int = 0


@dataclass(slots=True)
class Trouble:
    """Draws faults by their probabilities, or plays those that were planned. The same seed draws the same."""

    seed: str
    probabilities: dict[Fault, Decimal] = field(default_factory=dict)
    planned: list[Mishap] = field(default_factory=list)
    storm_left: int = 0
    drawn: int = 0

    def set(self, values: Mapping[str, object]) -> None:
        """Set probabilities from 0 to 1; "all" is every fault alike. RefusalError (422) names each bad one."""
        details, wanted = [], dict(self.probabilities)
        for name, value in values.items():
            probability = _read_probability(value)
            if name != "all" and name not in set(Fault):
                details.append(detail("unknown", name, f"is no fault; known are all, {', '.join(Fault)}"))
            elif probability is None:
                details.append(detail("invalid_value", name, "must be a number from 0 to 1"))
            else:
                wanted |= dict.fromkeys(Fault if name == "all" else [Fault(name)], probability)
        for faults, what in ((CALLBACK_FAULTS, "callbacks"), (API_FAULTS, "the API")):
            if sum(wanted.get(fault, ZERO) for fault in faults) > 1:
                details.append(detail("invalid_value", what, "the probabilities add up to more than 1"))
        if details:
            raise invalid(*details)
        self.probabilities = {fault: share for fault, share in wanted.items() if share}

    def plan(self, fault: str, *, after_effect: bool = False, count: int = 1) -> None:
        """Let the next callback or request, or the next `count` of them, meet this fault for certain."""
        if fault not in set(Fault):
            raise invalid(not_one_of("fault", Fault))
        if not 1 <= count <= MOST_PLANNED - len(self.planned):
            message = f"must be from 1 to {MOST_PLANNED}, all plans together"
            raise invalid(detail("invalid_value", "count", message))
        self.planned += [Mishap(Fault(fault), after_effect) for _ in range(count)]

    def stop(self) -> None:
        """Make no more trouble."""
        self.probabilities.clear()
        self.planned.clear()
        self.storm_left = 0

    def befall_callback(self) -> Mishap | None:
        """Return what goes wrong with this attempt at a callback."""
        return self._draw(CALLBACK_FAULTS)

    def befall_request(self) -> Mishap | None:
        """Return what goes wrong with this request to the API."""
        if self.storm_left:
            self.storm_left -= 1
            return Mishap(Fault.STORM)
        mishap = self._draw(API_FAULTS)
        if mishap is not None and mishap.fault is Fault.STORM:
            self.storm_left = 1 + mishap.dice % LONGEST_STORM
            mishap.after_effect = False
        return mishap

    def describe(self) -> dict[str, Any]:
        """Return what is switched on."""
        return {
            "seed": self.seed,
            "probabilities": {fault.value: format(share, "f") for fault, share in self.probabilities.items()},
            "planned": [{"fault": mishap.fault.value, "after_effect": mishap.after_effect} for mishap in self.planned],
        }

    def _draw(self, faults: tuple[Fault, ...]) -> Mishap | None:
        for place, mishap in enumerate(self.planned):
            if mishap.fault in faults:
                del self.planned[place]
                mishap.dice = self._roll()
                return mishap
        if not any(fault in self.probabilities for fault in faults):
            return None
        share, highest = EXACT.divide(Decimal(self._roll()), Decimal(1 << 32)), ZERO
        for fault in faults:
            highest = EXACT.add(highest, self.probabilities.get(fault, ZERO))
            if share < highest:
                dice = self._roll()
                return Mishap(fault, after_effect=bool(dice & 1), dice=dice >> 1)
        return None

    def _roll(self) -> int:
        self.drawn += 1
        return int.from_bytes(derive(self.seed, "trouble", self.drawn, size=4))


def _read_probability(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        probability = Decimal(str(value))
    except InvalidOperation:
        return None
    return probability if probability.is_finite() and 0 <= probability <= 1 else None
