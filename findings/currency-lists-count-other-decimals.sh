#!/usr/bin/env bash
# iso4217 1.16.20260101, Babel 2.19.0, py-moneyed 3.0 (PyPI, Python 3.11), currency-codes 2.2.0 (npm, Node 20): how many decimals an
# amount has.
#
# Guess beforehand: the number is that of ISO 4217 in all four, so that an amount can be made whole units by one and shown by another;
# and each has the currencies of 2025, as the guilder of Curaçao (XCG), which took the place of ANG.
# Seen: Babel has the decimals that are shown in the country: none for HUF, IDR and COP, where ISO has two, and none for IQD, where ISO
# has three. XCG is unknown to py-moneyed and to currency-codes, and ANG is gone from iso4217 only.
# Consequence: 5000 forint are 5000 units by one list and 500000 by the other; a gateway that expects those of ISO is asked for a
# hundredth. Take the decimals from one list, that of ISO, and check the codes that the shop takes against it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" currency-codes@2.2.0 >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check iso4217==1.16.20260101 babel==2.19.0 py-moneyed==3.0
CODES="EUR JPY BHD HUF IDR COP IQD XCG ZWG ANG"
cat >try.py <<'PYTHON'
import sys

import babel.numbers
import iso4217
import moneyed


def of_moneyed(code):
    return len(str(moneyed.get_currency(code).sub_unit)) - 1


def of_babel(code):
    return babel.numbers.get_currency_precision(code) if babel.numbers.is_currency(code) else None


def of_iso4217(code):
    return iso4217.Currency(code).exponent


for name, read in (("iso4217", of_iso4217), ("babel", of_babel), ("py-moneyed", of_moneyed)):
    seen = []
    for code in sys.argv[1:]:
        try:
            seen.append(f"{code} {read(code)}")
        except (ValueError, moneyed.CurrencyDoesNotExist):
            seen.append(f"{code} None")
    print(f"{name}:", ", ".join(seen))
PYTHON
cat >try.cjs <<'NODE'
const { code } = require("currency-codes");

console.log("currency-codes:", process.argv.slice(2).map((name) => `${name} ${code(name)?.digits ?? "None"}`).join(", "));
NODE
{
  # The codes are words of their own.
  # shellcheck disable=SC2086
  venv/bin/python try.py $CODES
  # shellcheck disable=SC2086
  node try.cjs $CODES
} >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
iso4217: EUR 2, JPY 0, BHD 3, HUF 2, IDR 2, COP 2, IQD 3, XCG 2, ZWG 2, ANG None
babel: EUR 2, JPY 0, BHD 3, HUF 0, IDR 0, COP 0, IQD 0, XCG 2, ZWG 2, ANG 2
py-moneyed: EUR 2, JPY 0, BHD 3, HUF 2, IDR 2, COP 2, IQD 3, XCG None, ZWG None, ANG 2
currency-codes: EUR 2, JPY 0, BHD 3, HUF 2, IDR 2, COP 2, IQD 3, XCG None, ZWG 2, ANG 2
SEEN
