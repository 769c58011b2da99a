#!/usr/bin/env bash
# stellar-sdk 16.1.1 (PyPI, Python 3.11): a SEP-7 payment URI takes and writes amounts that Stellar does not have.
#
# Guess beforehand: PayStellarUri checks its amount as TransactionBuilder.append_payment_op does (seven decimals, no exponent),
# and writes Decimal("1E-7") as 0.0000001.
# Seen: nothing is checked. A Decimal is written as Python prints it, from 1E-7 down with an exponent; eight decimals and words pass,
# when a URI is made and when one is read. The payment operation for the same amount is refused.
# Consequence: whoever builds a QR code with it formats the amount first: format(amount, "f"), seven decimals at most.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stellar-sdk==16.1.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from stellar_sdk import Asset, Payment
from stellar_sdk.sep.stellar_uri import PayStellarUri

SHOP = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"


def in_uri(amount):
    return parse_qs(urlsplit(PayStellarUri(SHOP, amount=amount).to_uri()).query)["amount"][0]


print("smallest unit ->", in_uri(Decimal("0.0000001")))
print("eight decimals ->", in_uri("10.12345678"))
print("read back ->", PayStellarUri.from_uri(f"web+stellar:pay?destination={SHOP}&amount=ten").amount)
try:
    Payment(SHOP, Asset.native(), "10.12345678")
except ValueError as error:
    print("payment ->", type(error).__name__)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
smallest unit -> 1E-7
eight decimals -> 10.12345678
read back -> ten
payment -> ValueError
SEEN
