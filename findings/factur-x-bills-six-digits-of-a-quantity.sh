#!/usr/bin/env bash
# factur-x 7.8 (PyPI, Python 3.11): quantities and prices of an e-invoice (EN 16931, here in UBL), given as numbers.
#
# Guess beforehand: a quantity is written with all of its digits up to four decimals, and a unit price too small for that is
# refused or written in full; for both may have as many decimals as they need in EN 16931.
# Seen: a quantity keeps six digits in all: 12345.67 is billed as 12345.7, 123456.75 as 123457, and from a million on it is
# "1e+06", which the package's own check of the schema refuses. A price of 0.00004 is 0.00, for prices are rounded to the four
# decimals of the French rules. The totals are as given; so they and quantity times price differ, without an error. Text is
# written as it is.
# Consequence: an invoice for electricity, calls or coins says another quantity than was sold, or a price of nothing. Give
# quantities and prices as text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check factur-x==7.8
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import re

from facturx import generate_xml


def bill(quantity, price, total):
    line = {"BT-126": "1", "BT-129": quantity, "BT-130": "KWH", "BT-146": price, "BT-131": total, "BT-153": "power"}
    invoice = {"BT-1": "17", "BT-2": "2026-03-02", "BT-3": "380", "BT-5": "EUR"}
    invoice |= {"BG-4": {"name": "Shop"}, "BG-7": {"name": "Ada"}}
    invoice |= {"BG-25": [line | {"BT-151": "Z", "BT-152": 0.0}], "BT-106": total, "BT-109": total, "BT-110": 0.0}
    invoice |= {"BT-112": total, "BT-115": total, "BG-23": [{"BT-116": total, "BT-117": 0.0, "BT-118": "Z", "BT-119": 0.0}]}
    try:
        xml = generate_xml(invoice, flavor="ubl-2.1", level="en16931", check_schematron=None)
    except Exception as error:
        print(f"{quantity!r} at {price!r} ->", re.search("'[^']*' is not a valid value", str(error))[0])
    else:
        found = re.findall(r":(InvoicedQuantity|PriceAmount|PayableAmount)\b[^>]*>([0-9.]+)<", str(xml))
        print(f"{quantity!r} at {price!r} ->", *(f"{name} {value}" for name, value in found))


bill(12345.67, 1.0, 12345.67)
bill(123456.75, 1.0, 123456.75)
bill(1000000, 0.01, 10000.0)
bill(500000, 0.00004, 20.0)
bill("1000000", "0.00004", 40.0)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
12345.67 at 1.0 -> PayableAmount 12345.67 InvoicedQuantity 12345.7 PriceAmount 1.00
123456.75 at 1.0 -> PayableAmount 123456.75 InvoicedQuantity 123457 PriceAmount 1.00
1000000 at 0.01 -> '1e+06' is not a valid value
500000 at 4e-05 -> PayableAmount 20.00 InvoicedQuantity 500000 PriceAmount 0.00
'1000000' at '0.00004' -> PayableAmount 40.00 InvoicedQuantity 1000000 PriceAmount 0.00004
SEEN
