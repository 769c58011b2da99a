"""Lists what no source proves: each open question about the service, its possible answers, and the one that is played.

The first answer of a question is the one played until another is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .refusals import Detail, RefusalError, already_committed, detail, invalid, not_now


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the recordings leave open, with its possible answers and what each means."""

    text: str
    answers: Mapping[str, str]


QUESTIONS: Mapping[str, Question] = {
    "refund_address": Question(
        "What becomes of the address that a refund is asked for with",
        {
            "obeyed": "the coins go there",
            "ignored": "the coins go to the own account, and the answer says address: null",
            "refused": "the request is refused (422)",
        },
    ),
    "amounts": Question(
        "How amounts and rates are written",
        {"strings": "as strings, as in every recording", "numbers": "as JSON numbers, as the description has it"},
    ),
    "key_order": Question(
        "In which order keys come",
        {
            "recorded": "as in recordings",
            "database": "by length, then by alphabet, as in examples of 2025: data before type",
        },
    ),
    "times": Question("How times are written", {"offset": "with +00:00", "zulu": "with Z, as in documentation"}),
    "callback_members": Question(
        "Which members the objects in callbacks have",
        {
            "whole": "all that answers of the API have",
            "of_2022": "those of recorded callbacks: some are absent, such as network",
        },
    ),
    "resolution_events": Question(
        "Are there events recalculated and refunded",
        {"sent": "just before status_changed", "not_sent": "status_changed alone, as the newest guide lists them"},
    ),
    "created_event": Question(
        "Is there an event created for a new invoice", {"not_sent": "no", "sent": "yes, with the status new"}
    ),
    "ip_not_allowed": Question(
        "The status of a refusal because of the caller's address", {"403": "Forbidden", "422": "Unprocessable"}
    ),
    "wrong_channel_id": Question(
        "The status of a refusal because a channel's id is no UUID",
        {"422": "as for accounts", "409": "as one client's tests have it"},
    ),
    "second_commit": Question(
        "The status of a refusal because a preview was committed before",
        {"409": "already_committed, as one client's tests have it", "422": "invalid, as other refusals are"},
    ),
    "late_commit": Question(
        "The status of a refusal because a preview is older than 30 seconds",
        {"422": "invalid, as other refusals are", "409": "as for one that was committed before"},
    ),
    "usdt_on_tron": Question(
        "How precise the amount to pay in USDT on tron is",
        {"six_decimals": "as USDT elsewhere", "two_decimals": "as in an example of 2025"},
    ),
    "email_refunds": Question(
        "Do refunds that the account's settings ask for go to an address that the customer names by mail",
        {"off": "no", "on": "yes, three days after, where the invoice has a payer_email"},
    ),
    "previews": Question(
        "Can a withdrawal or an exchange transfer be read before it is committed",
        {"shown": "yes, also when it is too old to be committed", "not_found": "404"},
    ),
    "withdrawal_fee_currency": Question(
        "In which currency a withdrawal's fee of 0.0 is",
        {"received": "the received one, as in recordings", "charged": "the charged one, as in an example of 2025"},
    ),
    "refund_withdrawals": Question(
        "Do the withdrawals that deliver refunds to an address send callbacks",
        {"quiet": "no", "announced": "yes, as other withdrawals do"},
    ),
    "enabled_again": Question(
        "What becomes of payments that are held because the channel was disabled, once it is enabled",
        {"held": "they stay on hold", "completed": "they are completed"},
    ),
    "customer_addresses": Question(
        "What addresses in a change of a customer do",
        {"replaced": "they replace the old ones", "merged": "they are added, one for each coin and network"},
    ),
    "risks": Question(
        "Does the endpoint of risk scores answer, since it was taken out of the documentation",
        {"answered": "yes", "gone": "404"},
    ),
    "signed_path": Question(
        "Which path may be signed",
        {
            "as_sent": "the one that is sent, with its escapes",
            "or_decoded": "also the decoded one, as one client does",
        },
    ),
    "joined_rate": Question(
        "Does GET /api/rates/BTCEUR answer, which an old client asks for",
        {"answered": "yes, as GET /api/rates/BTC/EUR does", "not_found": "404"},
    ),
    "coins": Question(
        "Which coins and networks there are",
        {
            "all": "those that were seen, and newer ones that were not",
            "as_2023": "those of July 2023",
            "as_2022": "those of November 2022",
        },
    ),
}


@dataclass(slots=True)
class Variants:
    """The answers that this sandbox plays, by question; what is not here is played by the first answer."""

    chosen: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, question: str) -> str:
        return self.chosen.get(question) or next(iter(QUESTIONS[question].answers))

    def change(self, values: Mapping[str, object]) -> None:
        """Choose answers, all or none of them. RefusalError (422) names each that cannot be."""
        details: list[Detail] = []
        for name, answer in values.items():
            if name not in QUESTIONS:
                details.append(detail("unknown", name, f"is no question; known are {', '.join(QUESTIONS)}"))
            elif str(answer) not in QUESTIONS[name].answers:
                known = ", ".join(QUESTIONS[name].answers)
                details.append(detail("invalid_value", name, f"must be one of {known}"))
        if details:
            raise invalid(*details)
        self.chosen |= {name: str(answer) for name, answer in values.items()}

    def describe(self) -> dict[str, str]:
        """Return every question with the answer that is played."""
        return {name: self[name] for name in QUESTIONS}


def refuse_second_commit(variants: Variants) -> RefusalError:
    """Refuse to commit a preview that was committed before."""
    if variants["second_commit"] == "409":
        return already_committed()
    return not_now("It was committed before")


def refuse_late_commit(variants: Variants, message: str) -> RefusalError:
    """Refuse to commit a preview that is too old."""
    refusal = not_now(message)
    refusal.status = int(variants["late_commit"])
    return refusal
