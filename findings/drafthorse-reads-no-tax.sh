#!/usr/bin/env bash
# drafthorse 2025.2.0 (PyPI, Python 3.11): an e-invoice (ZUGFeRD, Factur-X) that is read.
#
# Guess beforehand: what was written into a field is read into the same field; and a charge of valid XML is read as a charge.
# Seen: the total of the tax is read into the list for taxes in other currencies, and `tax_total` is empty. Both have the same tag,
# and the later one gets it. Who then sets `tax_total` writes the tax twice, and the result is valid. A charge whose indicator
# is "1", which XML Schema has beside "true", is read as an allowance.
# Consequence: a program that books what it reads books no tax, and five euros of postage are taken off instead of added. Take the
# tax from `tax_total_other_currency` by its currency, and compare the totals with the sum of the lines.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check drafthorse==2025.2.0 lxml==6.1.3 pypdf==7.1.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from datetime import date
from decimal import Decimal

from drafthorse.models.accounting import ApplicableTradeTax, CategoryTradeTax, TradeAllowanceCharge
from drafthorse.models.document import Document
from drafthorse.models.tradelines import LineItem
from drafthorse.utils import validate_xml

SCHEMA = "FACTUR-X_EXTENDED"


def rate(tax):
    tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S", Decimal("19.00")
    return tax


invoice = Document()
invoice.context.guideline_parameter.id = "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended"
invoice.header.id, invoice.header.type_code, invoice.header.issue_date_time = "17", "380", date(2026, 6, 15)
for party in (invoice.trade.agreement.seller, invoice.trade.agreement.buyer):
    party.name, party.address.country_id = "Example", "DE"
line = LineItem()
line.document.line_id, line.product.name = "1", "Tea"
line.agreement.net.amount, line.agreement.net.basis_quantity = Decimal("100.00"), (Decimal("1.0000"), "C62")
line.delivery.billed_quantity = (Decimal("1.0000"), "C62")
rate(line.settlement.trade_tax)
line.settlement.monetary_summation.total_amount = Decimal("100.00")
invoice.trade.items.add(line)
invoice.trade.settlement.currency_code = "EUR"
tax = rate(ApplicableTradeTax())
tax.calculated_amount, tax.basis_amount = Decimal("19.95"), Decimal("105.00")
invoice.trade.settlement.trade_tax.add(tax)
postage = TradeAllowanceCharge()
postage.indicator, postage.actual_amount, postage.reason = True, Decimal("5.00"), "Postage"
postage.trade_tax.add(rate(CategoryTradeTax()))
invoice.trade.settlement.allowance_charge.add(postage)
totals = invoice.trade.settlement.monetary_summation
totals.line_total, totals.charge_total, totals.allowance_total = Decimal("100.00"), Decimal("5.00"), Decimal("0.00")
totals.tax_basis_total, totals.tax_total = Decimal("105.00"), (Decimal("19.95"), "EUR")
totals.grand_total, totals.due_amount = Decimal("124.95"), Decimal("124.95")


def tell(name, document):
    totals = document.trade.settlement.monetary_summation
    charges = [charge.indicator._value for charge in document.trade.settlement.allowance_charge.children]
    print(f"{name}: tax {totals.tax_total._amount!r}, other {totals.tax_total_other_currency.children}, charges {charges}")


written = invoice.serialize(schema=SCHEMA)
tell("written", invoice)
read = Document.parse(written)
tell("read", read)
read.trade.settlement.monetary_summation.tax_total = (Decimal("19.95"), "EUR")
print("tax set again, times written:", read.serialize(schema=SCHEMA).count(b"<ram:TaxTotalAmount"))
other = written.replace(b"<udt:Indicator>true<", b"<udt:Indicator>1<")
validate_xml(other, SCHEMA)
tell("read, 1 for true", Document.parse(other))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
written: tax Decimal('19.95'), other [], charges [True]
read: tax '', other [('19.95', 'EUR')], charges [True]
tax set again, times written: 2
read, 1 for true: tax '', other [('19.95', 'EUR')], charges [False]
SEEN
