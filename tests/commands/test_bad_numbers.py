"""Numbers and days that no command can use are refused in words, not with a traceback."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    "words",
    [
        ("cryptopay_prune", "--days", "99999999"),
        ("cryptopay_doctor", "--sample", "-1"),
        ("cryptopay_reconcile", "--ledger", "0001-01-01"),
        ("cryptopay_reconcile", "--ledger", "9999-12-31"),
        ("cryptopay_reconcile", "--limit", "-1"),
        ("cryptopay_worker", "--interval", "nan"),
        ("cryptopay_worker", "--interval", "-1"),
        ("cryptopay_statement", "--begin", "9999-12-31"),
        ("cryptopay_checklist", "--callback-secret", "there/is/no/such/file"),
    ],
)
def test_what_no_command_can_use_is_refused_by_its_name(db, words):
    with pytest.raises(CommandError, match=words[1]):
        call_command(*words)


def test_a_number_that_no_callback_can_have_is_the_number_of_none(db):
    with pytest.raises(CommandError, match="there is no callback 99999999999999999999"):
        call_command("cryptopay_deliver_again", "--callback", "99999999999999999999")
