#!/usr/bin/env bash
# num2words 0.5.14 (PyPI, Python 3.11): a refund in Portuguese words, after currencies that the package does not know.
#
# Guess beforehand: an amount below zero begins with "menos", whatever was asked before; a currency without words is an error and
# leaves nothing behind.
# Seen: each such error takes a letter off the word for minus, for the life of the process: "meno", "men", "me", "m". After the
# fifth error the words for a refund of 12.50 are those for a payment of 12.50, but for a blank before them. A cardinal number
# loses its minus too. French keeps it.
# Consequence: a server that tries the words and prints figures where there are none prints refunds as payments once it has had
# five orders in yen. Ask `CURRENCY_FORMS` first, or write the minus without the package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check num2words==0.5.14
PYTHONIOENCODING=utf-8 "$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

from num2words import num2words

refund = Decimal("-12.50")


def words(language, amount, currency="EUR"):
    return num2words(amount, to="currency", lang=language, currency=currency)


for errors in range(8):
    print(f"{errors} errors before: {words('pt', refund)!r}; {words('fr', refund)!r}")
    for language in ("pt", "fr"):
        try:
            words(language, Decimal("1500"), "JPY")
        except NotImplementedError:
            pass
print(repr(num2words(-12, lang="pt")), repr(num2words(-12, lang="fr")))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
0 errors before: 'menos doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
1 errors before: 'meno doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
2 errors before: 'men doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
3 errors before: 'me doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
4 errors before: 'm doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
5 errors before: ' doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
6 errors before: ' doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
7 errors before: ' doze euros e cinquenta cêntimos'; 'moins douze euros et cinquante centimes'
' doze' 'moins douze'
SEEN
