#!/usr/bin/env bash
# sepaxml 2.7.0 (PyPI, Python 3.11): a text for the receiver of a transfer that is longer than SEPA's 140 characters.
#
# Guess beforehand: `export` validates the file, so that a text or a name that is too long is an error, as an end-to-end id of more
# than 35 characters is.
# Seen: with `clean=True`, which is the default and in the readme's example, the text is cut after 140 characters and the name after
# 70, and the file is valid. What stood at the end, the number of the order, is gone. With `clean=False` it is a ValidationError.
# Consequence: a refund reaches the customer without the number that says what it is for. Put the number first, and check the lengths
# before (after transliteration: a euro sign becomes three letters).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sepaxml==2.7.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import re
from datetime import date

from sepaxml import SepaTransfer
from sepaxml.validation import ValidationError

SHOP = {"name": "Shop", "IBAN": "DE89370400440532013000", "BIC": "COBADEFFXXX", "batch": True, "currency": "EUR"}
REFUND = {"name": "Ada", "IBAN": "NL91ABNA0417164300", "BIC": "ABNANL2A", "amount": 5000, "execution_date": date(2026, 3, 2)}
SHORT, LONG = "Refund of order 2026-1", f"Refund of {'two pairs of shoes, ' * 7}order 2026-1"


def write(case, clean=True, **fields):
    transfer = SepaTransfer(SHOP, clean=clean)
    transfer.add_payment(REFUND | {"description": SHORT} | fields)
    try:
        text = transfer.export(validate=True).decode()
    except ValidationError as error:
        print(f"{case}:", type(error).__name__)
        return
    (receiver,) = re.findall("<Cdtr><Nm>([^<]*)", re.sub(r">\s+<", "><", text))
    (purpose,) = re.findall("<Ustrd>([^<]*)", text)
    print(f"{case}: name {len(receiver)}, text {len(purpose)}, ends {purpose[-12:]!r}")


write("short")
write("long id", endtoend_id="2" * 36)
write("long text", description=LONG)
write("long text, not cleaned", description=LONG, clean=False)
write("140 characters, one a euro", description="Refund of €".ljust(128) + "order 2026-1")
write("long name", name="Ada " * 20)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
short: name 3, text 22, ends 'order 2026-1'
long id: ValidationError
long text: name 3, text 140, ends ', two pairs '
long text, not cleaned: ValidationError
140 characters, one a euro: name 3, text 140, ends '  order 2026'
long name: name 70, text 22, ends 'order 2026-1'
SEEN
