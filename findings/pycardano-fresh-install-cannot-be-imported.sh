#!/usr/bin/env bash
# pycardano 0.19.2 (PyPI, Python 3.11) with cbor2 6.3.0: pip installs the two together without a word, and the import fails.
#
# Guess beforehand: a library that was just installed by name can be imported; an upper bound keeps a breaking major release of a
# dependency out.
# Seen: pycardano needs cbor2pure 5.8.0, which imports names from cbor2 that its release 6 has no more; neither bounds cbor2
# from above, so a fresh environment gets 6 and ImportError. With cbor2 5.8.0 it works.
# Consequence: an address check built on it stops with the next clean build of an image. Pin cbor2 below 6 beside it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for cbor2 in 6.3.0 5.8.0; do
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycardano==0.19.2 cbor2pure==5.8.0 "cbor2==$cbor2"
    "$folder/venv/bin/pip" check >/dev/null && echo "cbor2 $cbor2: pip check is content"
    "$folder/venv/bin/python" -c 'import pycardano' 2>/dev/null && echo "cbor2 $cbor2: imported" || echo "cbor2 $cbor2: import fails"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
cbor2 6.3.0: pip check is content
cbor2 6.3.0: import fails
cbor2 5.8.0: pip check is content
cbor2 5.8.0: imported
SEEN
