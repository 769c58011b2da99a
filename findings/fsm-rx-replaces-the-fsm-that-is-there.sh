#!/usr/bin/env bash
# django-fsm-rx 5.3.0, django-fsm-2 4.2.4, Django 5.2.19 (PyPI, Python 3.11): both in one project, since one app needs the one and
# the shop takes the other.
#
# Guess beforehand: each has a module of its own, as their names and the readme's `from django_fsm_rx import` let one expect, so
# that an app that imports `django_fsm` keeps django-fsm-2; or pip says that the two do not go together.
# Seen: django-fsm-rx brings a folder `django_fsm` too, and writes it over that of django-fsm-2. pip and `pip check` find nothing
# wrong. The other app then runs on django-fsm-rx, with names missing and with its log and its transactions. When django-fsm-rx is
# uninstalled, the module is gone, and pip lists django-fsm-2 as installed all the same.
# Consequence: an app that worked yesterday stops with an ImportError that names neither. Have one of them in an environment.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" --quiet --disable-pip-version-check "$@"; }
tell() { # when
    "$folder/venv/bin/python" -W ignore - "$1" <<'PYTHON'
import sys
from importlib.metadata import distributions

installed = sorted(one.metadata["Name"] for one in distributions() if "fsm" in one.metadata["Name"])
try:
    from django_fsm import FSMField

    source = FSMField.__module__
except ImportError:
    source = "nowhere"
try:
    from django_fsm import FSMFieldDescriptor

    other = "there"
except ImportError:
    other = "missing"
print(f"{sys.argv[1]}: {', '.join(installed)}; FSMField is from {source}, FSMFieldDescriptor is {other}")
PYTHON
}
{
    pip install django-fsm-2==4.2.4 django==5.2.19
    tell "django-fsm-2 alone"
    pip install django-fsm-rx==5.3.0
    tell "both"
    pip check && echo "pip check finds nothing"
    pip uninstall --yes django-fsm-rx
    tell "django-fsm-rx uninstalled"
} >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
django-fsm-2 alone: django-fsm-2; FSMField is from django_fsm, FSMFieldDescriptor is there
both: django-fsm-2, django-fsm-rx; FSMField is from django_fsm_rx, FSMFieldDescriptor is missing
pip check finds nothing
django-fsm-rx uninstalled: django-fsm-2; FSMField is from nowhere, FSMFieldDescriptor is missing
SEEN
