#!/usr/bin/env bash
# pydantic 2.14.4, msgspec 0.23.0 (PyPI, Python 3.11): a JSON number with many decimals, read into a field of type Decimal.
#
# Guess beforehand: model_validate_json reads the digits as they stand, for the field is a Decimal and the text is at hand.
# Seen: a number with a decimal point goes through a binary float: 17 digits are left, and a zero at the end is dropped. Whole
# numbers of any length and quoted amounts are exact. Nothing warns. msgspec reads all of them exactly.
# Consequence: an amount of an 18-decimal token in a callback is not what the gateway signed. Ask for amounts as text, or read
# the JSON with json.loads(parse_float=Decimal) first and validate the result.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.4 msgspec==0.23.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import json
from decimal import Decimal

import msgspec
from pydantic import BaseModel


class Paid(BaseModel):
    amount: Decimal


class Told(msgspec.Struct):
    amount: Decimal


for number in ("12.123456789012345678", "1.10", "12123456789012345678", '"12.123456789012345678"'):
    body = f'{{"amount": {number}}}'
    print(number, "-> pydantic", Paid.model_validate_json(body).amount, "msgspec", msgspec.json.decode(body, type=Told).amount)
parsed = json.loads('{"amount": 12.123456789012345678}', parse_float=Decimal)
print("parsed first ->", Paid.model_validate(parsed).amount)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
12.123456789012345678 -> pydantic 12.123456789012346 msgspec 12.123456789012345678
1.10 -> pydantic 1.1 msgspec 1.10
12123456789012345678 -> pydantic 12123456789012345678 msgspec 12123456789012345678
"12.123456789012345678" -> pydantic 12.123456789012345678 msgspec 12.123456789012345678
parsed first -> 12.123456789012345678
SEEN
