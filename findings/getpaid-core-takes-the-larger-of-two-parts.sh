#!/usr/bin/env bash
# python-getpaid-core 3.2.0 (PyPI, Python 3.12 or newer): a payment or a refund that arrives in parts, and one that is too large.
#
# Guess beforehand: updates with provider event ids of their own are different events, so that captures of 60 and 40 pay 100, and
# refunds of 30 and 20 give back 50; a capture of 150 for 100 is recorded, for the money is there.
# Seen: an amount is taken as the total so far, and a smaller one leaves the larger: 60 and 40 are 60, "partially_paid" for ever,
# and 30 and 20 given back are 30. The event counts as applied. 150 for 100 is an InvalidTransitionError, and nothing is recorded
# of it.
# Consequence: whoever writes a backend must add up what the gateway reports for each event, and must cut what is overpaid, as
# coins often are; else an order that was paid in two parts or with a little more stays open.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for python in python3.12 python3.13 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>"$folder/not" && break
done || { echo "Python 3.12 or newer is not here"; exit 1; }
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-getpaid-core==3.2.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal
from types import SimpleNamespace

from getpaid_core.enums import FraudStatus, PaymentStatus
from getpaid_core.exceptions import InvalidTransitionError
from getpaid_core.fsm import apply_payment_update
from getpaid_core.types import PaymentUpdate


def tell(*updates):
    none = Decimal(0)
    payment = SimpleNamespace(
        id="17", external_id="", status=PaymentStatus.PREPARED, fraud_status=FraudStatus.UNKNOWN, fraud_message="",
        provider_data={}, amount_required=Decimal(100), amount_paid=none, amount_locked=none, amount_refunded=none,
    )
    for number, (event, amount) in enumerate(updates):
        name = "refunded_amount" if event == "refund_confirmed" else "paid_amount"
        try:
            update = PaymentUpdate(payment_event=event, provider_event_id=f"event-{number}", **{name: Decimal(amount)})
            apply_payment_update(payment, update)
        except InvalidTransitionError as error:
            print("  InvalidTransitionError:", error)
        print(f"{event} {amount} -> {payment.status}: paid {payment.amount_paid}, refunded {payment.amount_refunded}")


tell(("payment_captured", 60), ("payment_captured", 40))
tell(("payment_captured", 100), ("refund_confirmed", 30), ("refund_confirmed", 20))
tell(("payment_captured", 150))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
payment_captured 60 -> partially_paid: paid 60, refunded 0
payment_captured 40 -> partially_paid: paid 60, refunded 0
payment_captured 100 -> paid: paid 100, refunded 0
refund_confirmed 30 -> partially_paid: paid 100, refunded 30
refund_confirmed 20 -> partially_paid: paid 100, refunded 30
  InvalidTransitionError: Paid amount 150 exceeds amount_required 100.
payment_captured 150 -> prepared: paid 0, refunded 0
SEEN
