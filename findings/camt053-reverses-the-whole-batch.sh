#!/usr/bin/env bash
# camt053 0.0.23 (PyPI, Python 3.11): the reversing entry for one payment of a batch that was returned.
#
# Guess beforehand: of an entry that books three payments together, and in which one has a return reason (AC04), the reversing
# entry has the amount and the end-to-end id of that one; or a batch is refused.
# Seen: the amount is that of the whole batch, and the end-to-end id that of the first payment in it, with the reason of the
# other. The amounts of single payments are not read at all. The result is valid camt.053.
# Consequence: 300 are given back for 50, and under the id of an order that was paid. Reverse batches by hand, or ask for each
# entry whether it has more than one payment first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check camt053==0.0.23
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import re

from camt053 import parse_statement, services


def payment(order, amount, returned=""):
    return f"""<TxDtls><Refs><EndToEndId>{order}</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt>
      <CdtDbtInd>DBIT</CdtDbtInd>{returned}</TxDtls>"""


STATEMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.14"><BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-06-15T08:00:00</CreDtTm></GrpHdr>
  <Stmt><Id>S1</Id><CreDtTm>2026-06-15T08:00:00</CreDtTm>
    <Acct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id><Ccy>EUR</Ccy></Acct>
    <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
      <Dt><Dt>2026-06-15</Dt></Dt></Bal>
    <Ntry><NtryRef>BATCH-1</NtryRef><Amt Ccy="EUR">300.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
      <BkTxCd><Prtry><Cd>BATCH</Cd></Prtry></BkTxCd>
      <NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch>
        {payment("order-1", "100.00")}
        {payment("order-2", "150.00")}
        {payment("order-3", "50.00", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>")}
      </NtryDtls></Ntry>
  </Stmt></BkToCstmrStmt></Document>"""
(entry,) = parse_statement(STATEMENT).entries_with_reason("AC04")
print("found:", entry.amount, *(f"({one.end_to_end_id} {one.reason_code})" for one in entry.details))
reversal = services.generate_reversal(STATEMENT, reason_code="AC04")
reversed_entry = reversal.split("<Ntry>")[1]
for name in ("Amt", "CdtDbtInd", "EndToEndId", "Rsn"):
    print(name, *dict.fromkeys(re.findall(rf"<{name}\b[^>]*>(?:<Cd>)?([^<]+)", reversed_entry)))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
found: 300.00 (order-1 None) (order-2 None) (order-3 AC04)
Amt 300.00
CdtDbtInd CRDT
EndToEndId order-1
Rsn AC04
SEEN
