"""A gateway as it really is: it spells things oddly, acts hours after it accepts, does something else, and goes back on its word."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import rule
from requests import PreparedRequest, ReadTimeout, Response

from cryptopay_django.sandbox import resolutions
from cryptopay_django.sandbox.invoices import Context, Refund, Status
from cryptopay_django.sandbox.refusals import RefusalError

from .stage import respond, when
from .world import has_rows, picks

A_REFUND = re.compile(r"/api/invoices/([^/]+)/refunds")
A_COMMIT = re.compile(r"/api/invoices/([^/]+)/recalculations/([^/]+)/commit")
MONEY = re.compile(rb'("(?:price_amount|pay_amount|paid_amount)": ?)"([0-9.]+)"')
ELSEWHERE = "2N1FWhmzcMBCFTBcQAhtSvpt5cjKcRh36pV"

ODD_RISKS = (None, {}, [], "low", {"score": None, "level": "low"}, {"score": "7.3", "level": "grave"}, {"level": 7})
ODD_MEMBERS: dict[str, tuple[Any, ...]] = {
    "exchange": ({"pair": "BTCEUR", "rate": "0.12e-6"}, {"pair": "BTCEUR", "rate": "0." + "0" * 18 + "1"}, [], {"fee": 1}),
    "hosted_page_url": ("", "ftp://pay.test", None, 7, "x" * 3000),
    "name": (7, [], None, "x" * 2000),
    "description": ({}, 1.5, "\u202e"),
    "customer_id": (7, [], {}),
    "metadata": (None, {"cart": 17}, {"a": {"b": None}}, [], "text"),
    "created_at": ("", "yesterday", None, 0),
    "success_redirect_url": ("javascript:alert(1)", 1, []),
    "unheard_of": ({"a": [1, {"b": 1e300}]}, None, "x" * 5000),
}  # fmt: skip
MANNERS = ("refund_accepted", "refund_accepted_unseen", "answer_lost", "other_address", "no_address", "other_amount")


@dataclass
class Accepted:
    """A refund that the gateway has taken on and not made."""

    refund: Refund
    is_listed: bool


class OddGateway:
    """The actor."""

    def prepare(self) -> None:
        super().prepare()
        self.oddities: dict[str, Any] = {}
        self.has_numbers = False
        self.manner = ""
        self.accepted: list[Accepted] = []
        self.twisted: dict[str, dict[str, Any]] = {}

    @rule(member=st.sampled_from(["risk", *ODD_MEMBERS]), which=picks)
    def spell_oddly(self, member: str, which: int) -> None:
        """Spell a member that is not about money in another way from now on."""
        values = ODD_RISKS if member == "risk" else ODD_MEMBERS[member]
        self.oddities[member] = values[which % len(values)]

    @rule(has_numbers=st.booleans())
    def spell_amounts_as_numbers(self, *, has_numbers: bool) -> None:
        self.has_numbers = has_numbers

    @rule(manner=st.sampled_from(["", *MANNERS]))
    def change_manner(self, manner: str) -> None:
        """Take refunds in another manner from now on."""
        self.manner = manner

    @rule(number=picks)
    @when(lambda self: self.accepted)
    def act_at_last(self, number: int) -> None:
        """Make a refund that was accepted long ago."""
        accepted = self.accepted.pop(number % len(self.accepted))
        sandbox = self.sandbox.here
        invoice = sandbox.find(accepted.refund.invoice_id)
        make_id = sandbox.state.make_id
        # What falls due for the refund names it by its id, so it has the accepted one from the beginning.
        ids = mock.patch.object(
            sandbox.state, "make_id", lambda kind: accepted.refund.id if kind == "refund" else make_id(kind)
        )
        with sandbox.changed, ids, suppress(RefusalError):
            resolutions.create_refund(sandbox.state, invoice, address=accepted.refund.address, at=sandbox.clock.now())

    @rule(number=picks, status=st.sampled_from(list(Status)), is_announced=st.booleans())
    @has_rows
    def go_back(self, number: int, status: Status, *, is_announced: bool) -> None:
        """Change a final status, or put a completed invoice on hold."""
        sandbox = self.sandbox.here
        invoice = sandbox.find(str(self.pick(number).gateway_id))
        if not invoice.is_final or status is invoice.status:
            return
        self.suspicious.add(invoice.id)
        context = Context.ILLICIT_RESOURCE if status is Status.UNRESOLVED else None
        with sandbox.changed:
            if is_announced:
                resolutions.change_status(sandbox.state, invoice, status, context, sandbox.clock.now())
            else:
                invoice.status, invoice.context = status, context

    def spell_callback(self, body: bytes) -> bytes:
        return self.spell(super().spell_callback(body))

    def spell(self, body: bytes) -> bytes:
        """Spell a body oddly, as it is the manner now."""
        if not self.oddities and not self.has_numbers:
            return body
        try:
            content = json.loads(body)
        except ValueError:
            return body
        data = content.get("data") if isinstance(content, dict) else None
        for entry in data if isinstance(data, list) else [data]:
            if isinstance(entry, dict) and "pay_amount" in entry and "address" in entry:
                entry.update({name: value for name, value in self.oddities.items() if name != "risk"})
                for transaction in entry["transactions"] if "risk" in self.oddities else []:
                    transaction["risk"] = self.oddities["risk"]
        spelled = json.dumps(content).encode()
        return MONEY.sub(rb"\1\2", spelled) if self.has_numbers else spelled

    def answer_instead(self, request: PreparedRequest) -> Response | None:
        found = A_REFUND.fullmatch(request.path_url)
        if request.method != "POST" or not found or not self.manner.startswith(("refund_accepted", "answer_lost")):
            return super().answer_instead(request)
        sandbox, address = self.sandbox.here, json.loads(request.body or b"{}").get("address")
        invoice = sandbox.find(found[1])
        if invoice.status is not Status.UNRESOLVED or invoice.context is Context.ILLICIT_RESOURCE:
            return None
        amount = invoice.paid_amount - (invoice.pay_amount if invoice.context is Context.OVERPAID else Decimal(0))
        refund = Refund(
            sandbox.state.make_id("refund"), invoice.id, amount, invoice.pay_currency, Decimal(0), address,
            invoice.network, sandbox.clock.now(),
        )  # fmt: skip
        self.accepted.append(Accepted(refund, is_listed=self.manner == "refund_accepted"))
        if self.manner == "answer_lost":
            raise ReadTimeout
        return respond(request, 201, {"data": refund.to_wire()})

    def change_answer(self, request: PreparedRequest, response: Response) -> Response:
        response = super().change_answer(request, response)
        content = response.content
        if response.status_code < 300 and (found := A_REFUND.fullmatch(request.path_url)):
            content = self.twist(request.method == "POST", found[1], content)
        return respond(request, response.status_code, self.spell(content))

    def twist(self, is_made: bool, invoice_id: str, content: bytes) -> bytes:
        """Let refunds go elsewhere, or be of another amount; list those that are accepted."""
        whole = json.loads(content)
        refunds = [whole["data"]] if is_made else whole["data"]
        for refund in refunds:
            changes = {"other_address": {"address": ELSEWHERE}, "no_address": {"address": None}}.get(self.manner)
            if self.manner == "other_amount":
                changes = {"amount": "0.00000001"}
            if is_made and changes and changes.items() - refund.items():
                self.twisted[refund["id"]] = changes
            refund.update(self.twisted.get(refund["id"], {}))
        if not is_made:
            refunds += [
                entry.refund.to_wire()
                for entry in self.accepted
                if entry.is_listed and entry.refund.invoice_id == invoice_id
            ]
        return json.dumps(whole).encode()

    def stop_trouble(self) -> None:
        super().stop_trouble()
        self.manner = ""
        while self.accepted:
            self.act_at_last(0)
