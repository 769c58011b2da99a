#!/usr/bin/env bash
# bai2 0.15.0 (PyPI, Python 3.11): the text of a transaction in a BAI2 file, written and read again.
#
# Guess beforehand: a text that does not fit on one line goes on in a continuation record (88), and what is read is what was
# written, letter for letter; options given to `write` hold for each record of the file.
# Seen: the text is cut where the line has eighty characters, also within a word, and the reader puts a space at the cut: order
# 2026-0001234567 comes back as "2026-0001 234567". The options for longer lines, and for the text on a line of its own, change
# nothing, as they do not reach the records.
# Consequence: a payment whose reference lies across the cut is not matched with its order, and the same text matches at another
# place. Keep the whole record below eighty characters, or compare without spaces.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bai2==0.15.0
cat >"$folder/shop.py" <<'PYTHON'
from datetime import date, time

from bai2 import bai2
from bai2.constants import FundsType, GroupStatus, TypeCodes
from bai2.models import (
    Account,
    AccountIdentifier,
    AccountTrailer,
    Bai2File,
    Bai2FileHeader,
    Bai2FileTrailer,
    Group,
    GroupHeader,
    GroupTrailer,
    TransactionDetail,
)


def write_and_read(text, **options):
    what = {"type_code": TypeCodes["195"], "amount": 5000, "funds_type": FundsType("0")}
    detail = TransactionDetail(**what, bank_reference="B1", customer_reference="C1", text=text)
    account = Account(AccountIdentifier(customer_account_number="1", currency="EUR"), AccountTrailer(), [detail])
    day = {"as_of_date": date(2026, 3, 2), "as_of_time": time(12)}
    header = GroupHeader(ultimate_receiver_id="R", originator_id="O", group_status=GroupStatus("1"), currency="EUR", **day)
    start = Bai2FileHeader(sender_id="S", receiver_id="R", creation_date=date(2026, 3, 2), creation_time=time(12), file_id="1")
    written = bai2.write(Bai2File(start, Bai2FileTrailer(), [Group(header, GroupTrailer(), [account])]), **options)
    (group,) = bai2.parse_from_string(written).children
    return written.count("\n88"), group.children[0].children[0].text


for words in ("Payment of Ada", "Payment of Ada and of Grace for their", "Payment of Ada and of Grace for all of their"):
    text = f"{words} order 2026-0001234567"
    records, read = write_and_read(text)
    print(f"{records} continued, same {read == text}: {read}")
for options in ({"line_length": 200}, {"text_on_new_line": True}):
    print(options, "->", write_and_read(text, **options))
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
0 continued, same True: Payment of Ada order 2026-0001234567
0 continued, same True: Payment of Ada and of Grace for their order 2026-0001234567
1 continued, same False: Payment of Ada and of Grace for all of their order 2026-0001 234567
{'line_length': 200} -> (1, 'Payment of Ada and of Grace for all of their order 2026-0001 234567')
{'text_on_new_line': True} -> (1, 'Payment of Ada and of Grace for all of their order 2026-0001 234567')
SEEN
