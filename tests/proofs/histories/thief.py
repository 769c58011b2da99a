"""Somebody with the shop's callback secret: forged callbacks of any content, signed as they should be."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .promises import FORGED_TXID
from .world import picks

HIS = "tb1qthiefthiefthiefthiefthiefthiefthiefth0"
LIES: dict[str, tuple[Any, ...]] = {
    "status": ("new", "unresolved", "completed", "refunded", "cancelled", "paid"),
    "status_context": (None, "underpaid", "overpaid", "paid_late", "illicit_resource"),
    "address": (HIS,),
    "uri": (f"bitcoin:{HIS}?amount=0.001",),
    "hosted_page_url": ("https://thief.test/pay",),
    "network": ("ethereum", "bitcoin"),
    "price_amount": ("0.01", "100", "99999"),
    "price_currency": ("USD", "EUR"),
    "pay_amount": ("0.00000001", "1"),
    "pay_currency": ("BTC", "ETH"),
    "paid_amount": ("0", "0.0001", "1000"),
    "transactions": ([], [{"txid": FORGED_TXID, "risk": None}]),
    "id": ("another",),
    "custom_id": ("order-0", "order-1", None),
}
EVENTS = ("created", "transaction_created", "transaction_confirmed", "status_changed", "recalculated", "refunded")


class Thief:
    """The actor."""

    @rule(
        number=picks,
        event=st.sampled_from(EVENTS),
        lies=st.dictionaries(st.sampled_from(list(LIES)), picks, min_size=1, max_size=5),
    )
    def forge(self, number: int, event: str, lies: dict[str, int]) -> None:
        """Post a callback about an invoice of the gateway's with some members changed.

        Where the gateway is asked first, nothing of it must stay.
        """
        theirs = list(self.sandbox.here.state.invoices.values())
        if not theirs:
            return
        invoice = theirs[number % len(theirs)]
        data = invoice.to_wire() | {name: LIES[name][which % len(LIES[name])] for name, which in lies.items()}
        if data["id"] == "another":
            data["id"] = str(uuid5(UUID(int=0), f"{number}"))
        if not self.confirms:
            self.suspicious.add(invoice.id)
        self.sandbox.post(json.dumps({"type": "Invoice", "event": event, "data": data}).encode())
