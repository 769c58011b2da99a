#!/usr/bin/env bash
# bitcoinlib 0.7.10 (PyPI, Python 3.11): amounts as text, with the unit that people write.
#
# Guess beforehand: Value("250 uBTC") is 25,000 satoshi, or an error; a unit that is not known is an error, as "sats" is.
# Seen: "m" and the micro sign (U+00B5) are read. "uBTC", "bits", and "μBTC" with the Greek letter (U+03BC), which looks the
# same and is what Unicode's compatibility forms (NFKC) make of the micro sign, are whole bitcoins: a million times as much,
# without an error.
# Consequence: a limit or a payment that a person typed is a million times too large. Take numbers of satoshi
# (Value.from_satoshi), and let a person's unit be one of a list of your own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bitcoinlib==0.7.10
cat >"$folder/read.py" <<'PYTHON'
import unicodedata

from bitcoinlib.values import Value

MICRO = "\N{MICRO SIGN}BTC"
for unit in ("sat", "mBTC", MICRO, unicodedata.normalize("NFKC", MICRO), "uBTC", "bits", "sats"):
    try:
        print(f"250 {ascii(unit)} ->", Value(f"250 {unit}").value_sat, "satoshi")
    except ValueError as error:
        print(f"250 {ascii(unit)} -> ValueError: {error}")
PYTHON
# It writes a folder of its own below the home folder.
HOME="$folder" PYTHONUTF8=1 "$folder/venv/bin/python" "$folder/read.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
250 'sat' -> 250 satoshi
250 'mBTC' -> 25000000 satoshi
250 '\xb5BTC' -> 25000 satoshi
250 '\u03bcBTC' -> 25000000000 satoshi
250 'uBTC' -> 25000000000 satoshi
250 'bits' -> 25000000000 satoshi
250 'sats' -> ValueError: Currency symbol not recognised
SEEN
