#!/usr/bin/env bash
# mt-940 5.1.1 (PyPI, Python 3.11): who paid, in the structured :86: of a German bank statement.
#
# Guess beforehand: subfield ?31 is the payer's account, as Annex 3 of the DFÜ agreement of the German banks has it, and ?32 with
# ?33 the name, so that the account is in `applicant_iban`, as it was with release 4.30.0.
# Seen: the account is put before the name, in `applicant_name`, with nothing between them. There is no `applicant_iban` any
# more. The bank of ?30 is still on its own.
# Consequence: after an update a refund or a match by IBAN finds none, and "DE89...Ada Lovelace" is taken for the name. Take the
# account from the raw text (`?31` up to the next `?`), and cut it off the name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/shop.py" <<'PYTHON'
import sys

import mt940

STATEMENT = """:20:STARTUMS
:25:10010010/1234567890
:28C:1/1
:60F:C260301EUR1000,00
:61:2603020302C50,00NTRFNONREF
:86:166?00GUTSCHRIFT?20EREF+ORDER-1?30COBADEFFXXX?31DE89370400440532013000?32Ada Love?33lace
:62F:C260302EUR1050,00
"""
(entry,) = mt940.parse(STATEMENT)
for name in ("applicant_name", "applicant_iban", "applicant_bin"):
    print(sys.argv[1], name, entry.data.get(name, "missing"))
PYTHON
for release in 4.30.0 5.1.1; do
  python3 -m venv "$folder/$release"
  "$folder/$release/bin/pip" install --quiet --disable-pip-version-check mt-940==$release
  "$folder/$release/bin/python" "$folder/shop.py" $release
done >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
4.30.0 applicant_name Ada Lovelace
4.30.0 applicant_iban DE89370400440532013000
4.30.0 applicant_bin COBADEFFXXX
5.1.1 applicant_name DE89370400440532013000Ada Lovelace
5.1.1 applicant_iban missing
5.1.1 applicant_bin COBADEFFXXX
SEEN
