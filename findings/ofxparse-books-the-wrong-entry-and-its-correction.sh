#!/usr/bin/env bash
# ofxparse 0.21 (PyPI, Python 3.11): corrected entries, days and currencies of a bank statement in OFX 1.0.2.
#
# Guess beforehand: an entry that replaces or deletes another (CORRECTFITID, CORRECTACTION) does so, or says which; the date is the
# bank's day, or a time with its zone; and an amount in another currency than the account's (CURRENCY) says so.
# Seen: the entry and its correction are two entries, and nothing tells them from others. The date is moved to UTC and has no zone:
# half past midnight on 1 January in Berlin is 31 December of the year before. CURRENCY is not read, so that 100 dollars
# are 100 in the statement of an account in euros.
# Consequence: a payment of 250 that the bank corrected to 25 counts as 275, and one of the new year is booked in the old. Refuse a
# file with CORRECTFITID or CURRENCY, and take the day from the first eight digits of DTPOSTED.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ofxparse==0.21
"$folder/venv/bin/python" -W ignore - >"$folder/seen" <<'PYTHON'
import io

from ofxparse import OfxParser

HEADER = "OFXHEADER:100 DATA:OFXSGML VERSION:102 SECURITY:NONE ENCODING:USASCII CHARSET:1252 COMPRESSION:NONE OLDFILEUID:NONE"
STATUS = "<STATUS><CODE>0<SEVERITY>INFO</STATUS>"


def entry(amount, number, correction="", currency="", date="20260101003000[+1:CET]"):
    return (
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{date}<TRNAMT>{amount}<FITID>{number}{correction}<NAME>Ada{currency}</STMTTRN>"
    )


def read(what, *entries):
    text = "\n".join([*HEADER.split(), "NEWFILEUID:NONE", "", ""]) + (
        f"<OFX><SIGNONMSGSRSV1><SONRS>{STATUS}<DTSERVER>20260102<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>1{STATUS}<STMTRS><CURDEF>EUR"
        "<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20260101<DTEND>20260102{''.join(entries)}</BANKTRANLIST>"
        "<LEDGERBAL><BALAMT>25.00<DTASOF>20260102</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )
    statement = OfxParser.parse(io.BytesIO(text.encode())).account.statement
    rows = statement.transactions
    print(what, sum(row.amount for row in rows), statement.currency, [(str(row.amount), str(row.date)) for row in rows])
    print("  fields:", *sorted(vars(rows[-1])))


wrong = entry("250.00", "1")
read("replaced:", wrong, entry("25.00", "2", "<CORRECTFITID>1<CORRECTACTION>REPLACE"))
read("dollars:", entry("100.00", "3", currency="<CURRENCY><CURRATE>0.9<CURSYM>USD</CURRENCY>", date="20260102"))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
replaced: 275.00 eur [('250.00', '2025-12-31 23:30:00'), ('25.00', '2025-12-31 23:30:00')]
  fields: amount checknum date id mcc memo payee sic type user_date
dollars: 100.00 eur [('100.00', '2026-01-02 00:00:00')]
  fields: amount checknum date id mcc memo payee sic type user_date
SEEN
