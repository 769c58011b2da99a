"""Judges point 10: compares the callbacks that the gateway sent with those that the shop stored and processed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from ...models import Callback, CallbackOutcome
from ...sandbox.network_faults import Fault
from ..inprocess import InProcessSandbox
from .channels import ChannelStory
from .report import Finding, Result
from .stage import Story

_FORGED = Fault.WRONG_SECRET
UNDONE = (CallbackOutcome.PENDING, CallbackOutcome.ORPHAN, CallbackOutcome.UNREADABLE)


def judge_callbacks(
    sandbox: InProcessSandbox, stories: Sequence[Story | ChannelStory], *, secret_given: bool
) -> Finding:
    """Judge that every genuine callback was answered 200, stored and processed, and that no GET corrected anything."""
    sent, refused, lost, undone, forged = 0, Counter[str](), 0, Counter[str](), Counter[str]()
    for story in stories:
        for callback in (callback for subject in story.subjects for callback in sandbox.callbacks(subject)):
            sent += 1
            forged.update(_spell(entry.status) for entry in callback.attempts if entry.trouble == _FORGED)
            genuine = [entry for entry in callback.attempts if entry.trouble != _FORGED]
            if not any(entry.ok for entry in genuine):
                refused.update(_spell(entry.status) for entry in genuine[-1:])
                continue
            digest = hashlib.sha256(callback.body).hexdigest()
            rows = list(Callback.objects.primary().filter(account=story.account, digest=digest))
            lost += not rows
            undone.update(f"{row.outcome} ({row.error})" for row in rows if row.outcome in UNDONE)
    wrong = [f"{count} of {sent} callbacks were answered {status}{_hint(status)}" for status, count in refused.items()]
    if lost:
        wrong.append(
            f"{lost} of {sent} callbacks were answered 200, but are not stored: something before the app took them"
        )
    wrong += [f"{count} callbacks are {outcome}" for outcome, count in undone.items()]
    if forged["200"]:
        wrong.append("a callback signed with a wrong secret was accepted")
    if not refused:
        wrong += [missed for story in stories for missed in story.missed[:1]]
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding(10, Result.FAILED, "; ".join(wrong[:3]) + more)
    key = (
        "the secret that was given"
        if secret_given
        else "the newest of CALLBACK_SECRETS (compare it with the account's)"
    )
    evidence = f"{sent} sent, signed with {key}, and all stored and processed, out of order too; a forged one refused"
    return Finding(10, Result.PASSED, evidence)


def _spell(status: int | None) -> str:
    return "nothing" if status is None else str(status)


def _hint(status: str) -> str:
    hints = {
        "401": ": none of the account's CALLBACK_SECRETS is the one that the gateway signs with",
        "403": ": something before the app refuses a POST without a cookie or a token",
        "404": ": there is nothing at the callback URL",
        "nothing": ": the view raised an error, or took too long",
        "500": ": the view, or a middleware before it, raised an error",
    }
    return hints.get(status, ": only 200 will do")
