#!/usr/bin/env bash
# bankstatementparser 0.0.29 (PyPI, Python 3.11): entries of a camt.052 report that the bank has not booked yet.
#
# Guess beforehand: an entry with the status PDNG (pending) or FUTR (to come) is left out, or its row says so.
# Seen: it is a row like the booked ones, and no column of the table has the status. The day after, when the bank books it, it is
# a second row with the same reference and amount, and nothing tells which of the two was money.
# Consequence: an order counts as paid by a transfer that can still be called back, and a sum over the reports of two days
# has it twice. Take entries with the status BOOK only: drop the others from the XML before it is parsed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bankstatementparser==0.0.29
cat >"$folder/try.py" <<'PYTHON'
from bankstatementparser import Camt052Parser


def entry(amount, status, order):
    return f"""<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>
<BookgDt><Dt>2026-03-02</Dt></BookgDt><BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{order}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"""


def report(*entries):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.08"><BkToCstmrAcctRpt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-02T20:00:00</CreDtTm></GrpHdr>
<Rpt><Id>R1</Id><CreDtTm>2026-03-02T20:00:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>{"".join(entries)}</Rpt>
</BkToCstmrAcctRpt></Document>"""


first = report(entry("30.00", "BOOK", "ORDER17"), entry("99.00", "PDNG", "ORDER18"), entry("50.00", "FUTR", "ORDER19"))
second = report(entry("99.00", "BOOK", "ORDER18"))
for day, text in enumerate((first, second), 1):
    table = Camt052Parser.from_string(text).parse()
    for amount, order in zip(table["Amount"], table["EndToEndId"], strict=True):
        print("day", day, order, amount)
    print("columns with a status:", [name for name in table.columns if set(map(str, table[name])) & {"BOOK", "PDNG", "FUTR"}])
PYTHON
"$folder/venv/bin/python" "$folder/try.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
day 1 ORDER17 30.00
day 1 ORDER18 99.00
day 1 ORDER19 50.00
columns with a status: []
day 2 ORDER18 99.00
columns with a status: []
SEEN
