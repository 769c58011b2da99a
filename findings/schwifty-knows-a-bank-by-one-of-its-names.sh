#!/usr/bin/env bash
# schwifty 2026.10.1 (PyPI, Python 3.11): the head office of a bank, as a BIC of eight letters and of eleven.
#
# Guess beforehand: COBADEFF and COBADEFFXXX are the same office (ISO 9362), so that both exist or none does, and the BIC of an IBAN
# is equal to the one that the payer wrote, in either form.
# Seen: `exists` is true for the form that the country's list has, and false for the other: eight letters for a Dutch or a French
# bank, eleven for a German one. The name of the bank is found for both. The two forms are not equal.
# Consequence: a form that asks for a BIC that exists turns customers of a known bank away, and a comparison of a payer's BIC with
# that of the IBAN fails. Compare the first eight letters, and look at `bank_names` in place of `exists`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check schwifty==2026.10.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from schwifty import BIC, IBAN

for short in ("COBADEFF", "ABNANL2A", "PSSTFRPP"):
    for code in (short, f"{short}XXX"):
        bic = BIC(code)
        print(f"{code}: valid {bic.is_valid}, exists {bic.exists}, {bic.bank_names[0]}")
# The examples of the IBAN registry.
for number in ("DE89370400440532013000", "NL91ABNA0417164300"):
    found = IBAN(number).bic
    for code in (found[:8], f"{found[:8]}XXX"):
        print(f"{number}: {found}, equal to {code}: {found == BIC(code)}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
COBADEFF: valid True, exists False, Commerzbank
COBADEFFXXX: valid True, exists True, Commerzbank
ABNANL2A: valid True, exists True, ABN AMRO BANK N.V.
ABNANL2AXXX: valid True, exists False, ABN AMRO BANK N.V.
PSSTFRPP: valid True, exists True, LA BANQUE POSTALE
PSSTFRPPXXX: valid True, exists False, LA BANQUE POSTALE
DE89370400440532013000: COBADEFFXXX, equal to COBADEFF: False
DE89370400440532013000: COBADEFFXXX, equal to COBADEFFXXX: True
NL91ABNA0417164300: ABNANL2A, equal to ABNANL2A: True
NL91ABNA0417164300: ABNANL2A, equal to ABNANL2AXXX: False
SEEN
