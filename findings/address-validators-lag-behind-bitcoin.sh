#!/usr/bin/env bash
# python-stdnum 2.2, validators 0.36.0, coinaddrvalidator 1.2.3 (PyPI, Python 3.11): each of three address checkers
# refuses addresses that wallets have shown for years, and no two of them refuse the same.
#
# Guess beforehand: all three take Taproot (BIP 350, 2021), upper-case bech32 (BIP 173, which recommends it for QR codes),
# and a Bitcoin Cash address with its prefix.
# Seen: python-stdnum and coinaddrvalidator refuse Taproot; validators refuses upper case; coinaddrvalidator takes a Bitcoin Cash
# address in the form of before 2018 only.
# Consequence: a refund form that leaves the check to one of them turns customers with a current wallet away. The addresses
# are the examples of the BIPs and of the Bitcoin Cash specification.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-stdnum==2.2 "validators==0.36.0" coinaddrvalidator==1.2.3
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import coinaddrvalidator
import validators
from stdnum import bitcoin

BITCOIN = {
    "taproot": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "segwit": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "upper case": "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
}
for name, address in BITCOIN.items():
    print(
        f"{name}: stdnum {bitcoin.is_valid(address)}, validators {validators.btc_address(address) is True}, "
        f"coinaddrvalidator {coinaddrvalidator.validate('btc', address).valid}"
    )
for cash in ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"):
    print(f"{cash[:14]}: coinaddrvalidator {coinaddrvalidator.validate('bch', cash).valid}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
taproot: stdnum False, validators True, coinaddrvalidator False
segwit: stdnum True, validators True, coinaddrvalidator True
upper case: stdnum True, validators False, coinaddrvalidator True
bitcoincash:qp: coinaddrvalidator False
1BpEi6DfDAUFd7: coinaddrvalidator True
SEEN
