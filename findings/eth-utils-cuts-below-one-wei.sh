#!/usr/bin/env bash
# eth-utils 6.0.0 (PyPI, Python 3.11): to_wei cuts what is finer than a wei, down to nothing, without an error.
#
# Guess beforehand: an amount with 19 decimals raises ValueError, as a negative one and one above 2**256 - 1 do.
# Seen: the rest below one wei is dropped; 0.9 wei become 0.
# Consequence: compare the way back (from_wei) with what was meant, or count the decimals first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check eth-utils==6.0.0 "eth-hash[pycryptodome]==0.8.0"
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from eth_utils import to_wei

for amount in ("0.1234567890123456789", "0.0000000000000000009", "-1"):
    try:
        print(amount, "->", to_wei(amount, "ether"))
    except ValueError as error:
        print(amount, "->", type(error).__name__)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
0.1234567890123456789 -> 123456789012345678
0.0000000000000000009 -> 0
-1 -> ValueError
SEEN
