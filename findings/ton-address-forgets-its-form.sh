#!/usr/bin/env bash
# pytoniq-core 0.2.1 (PyPI, Python 3.11): a TON address that is read and written again changes its form, and with it
# what happens to the coins.
#
# Guess beforehand: Address("UQ...").to_str() gives "UQ..." back, as the object knows that it was not bounceable.
# Seen: to_str() writes the bounceable form "EQ..." whatever was read, and drops the mark of the test network; the object's
# attributes is_bounceable and is_test_only do keep what was read.
# Consequence: coins sent to the "EQ" form of a wallet that was never used return to the sender. Keep the customer's text, and compare
# addresses by their raw form.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytoniq-core==0.2.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from pytoniq_core import Address

raw = Address("0:" + "83dfd552e63729b472fcbcc8c45ebcc6691702558b68ec7527e1ba403a0f31a8")
for options in ({"is_bounceable": False}, {"is_bounceable": True}, {"is_test_only": True}):
    written = raw.to_str(**options)
    read = Address(written)
    print(written[:2], "->", read.to_str()[:2], "bounceable", read.is_bounceable, "test", read.is_test_only)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
UQ -> EQ bounceable False test False
EQ -> EQ bounceable True test False
kQ -> EQ bounceable True test True
SEEN
