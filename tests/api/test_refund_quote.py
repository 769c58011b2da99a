"""A refund of a completed invoice over the API: the quote, the refund, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptopay_django.models import Refund, Resolution
from tests.api.conftest import EVERYTHING, problem_of
from tests.services.desk import ADDRESS, unresolved
from tests.services.returning import committed, completed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boss(staff):
    return staff(*EVERYTHING)


def asked(invoice, **more):
    return {"expected_version": invoice.version, "reason": "a mug came back", **more}


def test_a_completed_invoice_is_refunded_for_its_quote(boss, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = boss.post("refund-quote", invoice, amount="40", address=ADDRESS).json()
    assert (quote["amount"], quote["left_value_amount"], quote["charged_currency"]) == ("40", "100", "EUR")

    answer = boss.post("refund", invoice, **asked(invoice, quote=quote["quote"]))

    row = Refund.objects.get()
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert f"{row.charged_amount:f}" == quote["charged_amount"]
    (shown,) = boss.get("invoice", invoice.pk).json()["refunds"]
    assert (shown["value_amount"], shown["withdrawal_status"]) == ("40", "pending")


def test_all_that_is_left_is_quoted_without_an_amount(boss, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    quote = boss.post("refund-quote", invoice, address=ADDRESS, currency="BTC", network_fee_borne_by="customer").json()

    assert Decimal(quote["amount"]) == invoice.paid_amount
    assert Decimal(quote["received_amount"]) < invoice.paid_amount


@pytest.mark.parametrize(
    ("values", "status", "code", "field"),
    [
        ({"amount": "100.01"}, 422, "amount_invalid", "amount"),
        ({"amount": "x"}, 422, "amount_invalid", "amount"),
        ({"amount": "1"}, 422, "refund_refused", "amount"),
        ({"address": "nowhere"}, 422, "address_invalid", "address"),
        ({"tag": "5"}, 422, "address_invalid", "tag"),
        ({"amount": 40}, 400, "invalid", "amount"),
        ({"network_fee_borne_by": "nobody"}, 400, "invalid", "network_fee_borne_by"),
    ],
)
def test_what_is_wrong_is_named_by_field(boss, cryptopay_sandbox, values, status, code, field):
    invoice = completed(cryptopay_sandbox)

    answer = boss.post("refund-quote", invoice, **{"address": ADDRESS, **values})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_an_unresolved_invoice_has_no_such_quote(boss, cryptopay_sandbox):
    answer = boss.post("refund-quote", unresolved(cryptopay_sandbox), amount="40", address=ADDRESS)

    assert (answer.status_code, answer.json()["obstacle"]) == (409, "not_completed")


def test_a_quote_and_a_destination_are_one_too_many(boss, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)
    quote = boss.post("refund-quote", invoice, amount="40", address=ADDRESS).json()["quote"]

    both = boss.post("refund", invoice, **asked(invoice, quote=quote, destination="own_account"))
    neither = boss.post("refund", invoice, **asked(invoice))

    assert (both.status_code, neither.status_code) == (400, 400)
    assert not Resolution.objects.exists()


def test_a_quote_of_another_site_sends_nothing(boss, cryptopay_sandbox):
    invoice = completed(cryptopay_sandbox)

    answer = boss.post("refund", invoice, **asked(invoice, quote="forged"))

    assert (answer.status_code, answer.json()["code"]) == (409, "quote_expired")
    assert committed(cryptopay_sandbox) == []


@pytest.mark.parametrize("path", ["refund-quote", "refund"])
def test_it_takes_the_permission_to_send_to_an_address(boss, staff, cryptopay_sandbox, path):
    invoice = completed(cryptopay_sandbox)
    quote = boss.post("refund-quote", invoice, amount="40", address=ADDRESS).json()["quote"]
    body = asked(invoice, quote=quote) if path == "refund" else {"amount": "40", "address": ADDRESS}

    answer = staff("view", "refund").post(path, invoice, **body)

    assert answer.status_code == 403
    assert problem_of(answer)
