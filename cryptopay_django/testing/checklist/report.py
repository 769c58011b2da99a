"""Reports the result of each point, as lines for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

TITLES = (
    "Know how to resolve an underpaid invoice",
    "Know how to resolve an overpaid invoice",
    "Know how to resolve an invoice paid late",
    "Choose the account's settings for unresolved invoices",
    "Create several invoices",
    "Reproduce underpaid",
    "Reproduce overpaid",
    "Reproduce paid late",
    "Bring each to completed or refunded",
    "Receive and process every callback",
    "Check the status with GET",
    "Credit the customer when completed",
    "Do not credit again when a callback is resent",
    "The teams know about risk scoring and holds",
    "Credit each payment of a channel, by what the gateway credited",
    "Do not credit a payment of a channel that is held",
    "Do not credit a payment of a disabled channel",
    "Do not credit a payment of a channel again when a callback is resent",
)
GATEWAY_POINTS = range(1, 15)
CHANNEL_POINTS = range(15, 19)


class Result(StrEnum):
    """The result of a point."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """A point of the checklist: its number, its result and the evidence.

    `is_required` is False for a point that does not concern the shop.
    """

    number: int
    result: Result
    evidence: str
    is_required: bool = True

    @property
    def title(self) -> str:
        """The text of the point."""
        return TITLES[self.number - 1]


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of a run. `travelled` is the time on the sandbox's clock, `seconds` the real time.

    `travelled` is None without a sandbox.
    """

    findings: list[Finding]
    account: str
    begun_at: datetime
    seconds: float
    travelled: timedelta | None
    notes: list[str] = field(default_factory=list)

    def count(self, result: Result) -> int:
        """Return the number of points with this result."""
        return sum(finding.result is result for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Return whether a point failed or, with `strict`, was not measured although it concerns the shop."""
        bad = (Result.FAILED, Result.NOT_MEASURED) if strict else (Result.FAILED,)
        return any(finding.result in bad and finding.is_required for finding in self.findings)

    def finding(self, number: int) -> Finding:
        """Return one point."""
        return self.findings[number - 1]

    @property
    def summary(self) -> str:
        """The summary, in one line."""
        counts = ", ".join(f"{self.count(result)} {result}" for result in Result)
        if self.travelled is None:
            return f"{counts}; {self.seconds / 60:.0f} min against the gateway's test environment"
        minutes = round(self.travelled.total_seconds() / 60)
        return f"{counts}; {self.seconds:.1f} s, {minutes} minutes on the sandbox's clock"

    def to_json(self) -> str:
        """Return the report for programs."""
        points = [
            {"number": item.number, "title": item.title, "result": item.result, "evidence": item.evidence}
            for item in self.findings
        ]
        whole = {
            "account": self.account,
            "begun_at": self.begun_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "sandbox_seconds": None if self.travelled is None else round(self.travelled.total_seconds()),
            "counts": {str(result): self.count(result) for result in Result},
            "points": points,
            "notes": self.notes,
        }
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return the report for people."""
        rows = [
            f"| {item.number} | {item.title} | {_mark(item.result)} | {_cell(item.evidence)} |"
            for item in self.findings
        ]
        lines = [
            "# Going live: the checklist",
            "",
            f"Account `{self.account}`, {self.begun_at:%Y-%m-%d %H:%M %Z}: {self.summary}.",
            "",
            "| | point | result | evidence |",
            "| ---: | --- | --- | --- |",
            *rows,
        ]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def _mark(result: Result) -> str:
    return f"**{result}**" if result is Result.FAILED else str(result)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
