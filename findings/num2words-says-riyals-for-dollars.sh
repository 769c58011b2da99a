#!/usr/bin/env bash
# num2words 0.5.14 (PyPI, Python 3.11): amounts in words, as receipts and cheques have them.
#
# Guess beforehand: the words are of the currency that was asked for, or there is an error; and a dinar has a thousand fils, as
# ISO 4217 has it.
# Seen: in Arabic an amount in any of twelve currencies, dollars and yen among them, is one of riyals and halalas. One and a
# half Kuwaiti dinars are "a dinar and fifty fils" in Arabic, Spanish, Catalan and Ukrainian, which is 1.050; the Tunisian dinar
# has its thousand millimes in Arabic only. In Romanian a hundred euros are an IndexError, and in Italian an amount below zero is
# an AttributeError.
# Consequence: a receipt names another currency, or a tenth of the part behind the point, beside the right figures. Read the words
# of each currency and language that a shop has, once, with cents and below zero, and print figures alone for the others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check num2words==0.5.14
PYTHONIOENCODING=utf-8 "$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

from num2words import num2words


def tell(language, amount, currency):
    try:
        words = num2words(Decimal(amount), to="currency", lang=language, currency=currency)
    except (AttributeError, IndexError) as error:
        words = type(error).__name__
    print(f"{language} {amount} {currency}: {words!r}")


for currency in ("SAR", "USD", "JPY"):
    tell("ar", "12.50", currency)
same = num2words(Decimal("12.50"), to="currency", lang="ar", currency="SAR")
codes = "USD EUR GBP JPY CHF CAD AUD CNY INR BHD JOD OMR".split()
print(*(code for code in codes if num2words(Decimal("12.50"), to="currency", lang="ar", currency=code) == same))
for language in ("es", "ca", "uk", "ar"):
    tell(language, "1.500", "KWD")
tell("es", "1.500", "TND")
tell("ar", "1.500", "TND")
tell("ro", "100", "EUR")
tell("it", "-12.50", "EUR")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
ar 12.50 SAR: 'اثنا عشر ريالاً و خمسون هللة'
ar 12.50 USD: 'اثنا عشر ريالاً و خمسون هللة'
ar 12.50 JPY: 'اثنا عشر ريالاً و خمسون هللة'
USD EUR GBP JPY CHF CAD AUD CNY INR BHD JOD OMR
es 1.500 KWD: 'un dinar con cincuenta fils'
ca 1.500 KWD: 'un dinar amb cinquanta fils'
uk 1.500 KWD: "один динар, п'ятдесят філсів"
ar 1.500 KWD: 'واحد دينار و خمسون فلس'
es 1.500 TND: 'un dinar con cincuenta milésimos'
ar 1.500 TND: 'واحد دينار و خمسمائة مليماً'
ro 100 EUR: 'IndexError'
it -12.50 EUR: 'AttributeError'
SEEN
