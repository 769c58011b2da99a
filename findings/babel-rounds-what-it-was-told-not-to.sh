#!/usr/bin/env bash
# Babel 2.19.0 (PyPI, Python 3.11): format_decimal(..., decimal_quantization=False) rounds to 28 digits.
#
# Guess beforehand: with decimal_quantization=False every digit of a Decimal is shown: the documentation
# describes it as switching truncation and rounding off.
# Seen: the number goes through an operation of Python's default decimal context, so that from the 29th digit on it is rounded, and
# nothing is said. In a context of 60 digits the same call shows all of them.
# Consequence: an amount of an 18-decimal token from ten billion up is shown wrong in its last digits. Wrap the call in
# decimal.localcontext, or format by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Babel==2.19.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import decimal
from decimal import Decimal

from babel.numbers import format_decimal

tokens = Decimal("20000000000.123456789012345678")
print(format_decimal(tokens, locale="en_US", decimal_quantization=False))
with decimal.localcontext(prec=60):
    print(format_decimal(tokens, locale="en_US", decimal_quantization=False))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
20,000,000,000.12345678901234568
20,000,000,000.123456789012345678
SEEN
