#!/usr/bin/env bash
# hypothesis 6.170.17 (PyPI, Python 3.11): a subclass of a RuleBasedStateMachine that overrides an @initialize method.
#
# Guess beforehand: the overriding method runs in its place, as with every other method; or the class is refused.
# Seen: neither runs, and nothing is said. A rule is an attribute of the class that the decorator has made; a plain function of
# the same name hides it. The machine goes on with the other rules, in a world that was never set up.
# Consequence: a proof by generated histories that are shared out over subclasses (one for each kind of shop or gateway) can pass
# for the reason that its actors were never on the stage. Let such a method call a plain one that subclasses override, and have the
# machine count what it has done.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hypothesis==6.170.17
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

seen = set()


class Shop(RuleBasedStateMachine):
    @initialize()
    def open_shop(self):
        seen.add("a shop is opened")

    @rule()
    def sell(self):
        seen.add("something is sold")


class ShopThatForgets(Shop):
    def open_shop(self):
        seen.add("another shop is opened")


for machine in (Shop, ShopThatForgets):
    seen.clear()
    run_state_machine_as_test(
        machine, settings=settings(max_examples=3, stateful_step_count=3, database=None, derandomize=True)
    )
    print(f"{machine.__name__}: {', '.join(sorted(seen))}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
Shop: a shop is opened, something is sold
ShopThatForgets: something is sold
SEEN
