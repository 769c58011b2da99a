#!/usr/bin/env bash
# pycamt 1.1.1 (PyPI, Python 3.11): amounts and directions of a bank statement in camt.053, version 001.02.
#
# Guess beforehand: an entry with one payment has the amount, the currency and the direction of the entry; what the payer
# instructed and what the bank charged are details of it.
# Seen: the first amount and the first direction anywhere in the details replace those of the entry, and the currency stays. An
# incoming payment of 85.50 EUR for which 100 USD were instructed is 100.00 EUR. With a charge of 6.50 it is an outgoing payment
# too; with nothing but the charge in the details, it is 6.50 going out. A balance below zero is written from a float.
# Consequence: the fee is booked in place of the payment, or dollars as euros, and the sum is far from the closing balance. Take
# amount and direction from the entry itself (`Ntry/Amt`, `Ntry/CdtDbtInd`), and compare the sum with the balances.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycamt==1.1.1 lxml==6.1.3
cat >"$folder/shop.py" <<'PYTHON'
from pycamt.parser import Camt053Parser

INSTRUCTED = '<AmtDtls><InstdAmt><Amt Ccy="USD">100.00</Amt></InstdAmt></AmtDtls>'
CHARGE = '<Chrgs><Amt Ccy="EUR">6.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Chrgs>'
BALANCE = (
    "<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{}</Amt><CdtDbtInd>DBIT</CdtDbtInd>"
    "<Dt><Dt>2026-03-01</Dt></Dt></Bal>"
)
STATEMENT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
    "<GrpHdr><MsgId>1</MsgId><CreDtTm>2026-03-02T18:00:00</CreDtTm></GrpHdr>"
    "<Stmt><Id>1</Id><CreDtTm>2026-03-02T18:00:00</CreDtTm><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>{}"
    '<Ntry><Amt Ccy="EUR">85.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt>'
    "<BkTxCd><Prtry><Cd>166</Cd></Prtry></BkTxCd>"
    "<NtryDtls><TxDtls><Refs><EndToEndId>ORDER-1</EndToEndId></Refs>{}</TxDtls></NtryDtls></Ntry></Stmt>"
    "</BkToCstmrStmt></Document>"
)


def read(details, balance="100.00"):
    return Camt053Parser(STATEMENT.format(BALANCE.format(balance), details))


for name, details in (("plain", ""), ("instructed", INSTRUCTED), ("both", INSTRUCTED + CHARGE), ("charge", CHARGE)):
    (payment,) = read(details).get_transactions()
    print(f"{name}:", payment["Amount"], payment["Currency"], payment["CreditDebitIndicator"])
for balance in ("100.00", "1250000000000000.25"):
    print(f"owed {balance}:", read("", balance).get_statement_info()[0]["OpeningBalance"])
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
plain: 85.50 EUR CRDT
instructed: 100.00 EUR CRDT
both: 100.00 EUR DBIT
charge: 6.50 EUR DBIT
owed 100.00: -100.0
owed 1250000000000000.25: -1250000000000000.2
SEEN
