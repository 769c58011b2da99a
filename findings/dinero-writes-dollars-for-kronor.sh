#!/usr/bin/env bash
# dinero 0.4.0 (PyPI, Python 3.11): an amount with the sign of its currency, format(symbol=True).
#
# Guess beforehand: the sign is that of the currency ("Each currency knows its symbol", says the readme), or its code where there
# is none; and the number of decimals is that of ISO 4217.
# Seen: a currency without a sign of its own is written with a dollar sign: zloty, kronor, leu, shekel, riyal, dong, and the
# dinars of Kuwait and Bahrain. The ariary has one decimal, where ISO 4217 has two, so that 0.25 is written as 0.2.
# Consequence: a customer who owes 1000 kronor reads $1,000.00. Show the code with it (currency=True), or give the sign oneself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dinero==0.4.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from dinero import Dinero, currencies

print(*(f"{code} {Dinero('1000', getattr(currencies, code)).format(symbol=True)}" for code in ("USD", "EUR", "CHF", "INR")))
for code in ("BHD", "ILS", "KWD", "PLN", "RON", "SAR", "SEK", "VND"):
    amount = Dinero("1000", getattr(currencies, code))
    print(amount.format(symbol=True), "or", amount.format(symbol=True, currency=True))
known = [one for one in vars(currencies).values() if isinstance(one, dict) and "code" in one]
dollars = [one["code"] for one in known if Dinero("1", one).format(symbol=True).startswith("$")]
print(len(dollars), "of", len(known), "currencies begin with $")
print("0.25 ariary:", Dinero("0.25", currencies.MGA).format(currency=True))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
USD $1,000.00 EUR €1,000.00 CHF SFr1,000.00 INR ₹1,000.00
$1,000.000 or $1,000.000 BHD
$1,000.00 or $1,000.00 ILS
$1,000.000 or $1,000.000 KWD
$1,000.00 or $1,000.00 PLN
$1,000.00 or $1,000.00 RON
$1,000.00 or $1,000.00 SAR
$1,000.00 or $1,000.00 SEK
$1,000 or $1,000 VND
68 of 121 currencies begin with $
0.25 ariary: 0.2 MGA
SEEN
