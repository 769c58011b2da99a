"""Generated histories: whatever the customer, the gateway, the network, a thief and the shop do, it ends right.

Hypothesis writes programs of what can happen; the real views, services and workers run them against the
sandbox. In the end trouble stops, what is due is worked off, one poll is made, and then the promises are held against
what is there: `histories/promises.py`. Commits are real.

PROVE_PROGRAMS and PROVE_STEPS set how many programs of how many steps; `make prove` sets them high. PROVE_ACTORS names
who acts besides: "plain" for none, "all" for all of them at once.
"""

from __future__ import annotations

import os

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proofs.histories.gateway import OddGateway
from tests.proofs.histories.receivers import Receivers
from tests.proofs.histories.shops import Shops
from tests.proofs.histories.thief import Thief
from tests.proofs.histories.world import World
from tests.proofs.report import tried

PROGRAMS = int(os.environ.get("PROVE_PROGRAMS", "6"))
STEPS = int(os.environ.get("PROVE_STEPS", "20"))

ACTORS: dict[str, type] = {"receivers": Receivers, "gateway": OddGateway, "thief": Thief, "shops": Shops}
"""Who can act besides, by name; each is a part of a world."""

CASTS = {"plain": [], **{name: [name] for name in ACTORS}, "all": list(ACTORS)}
WANTED = os.environ.get("PROVE_ACTORS", " ".join(CASTS)).split()


@pytest.fixture
def quick_commits(transactional_db):
    """Keep SQLite's journal in memory: a test need not survive a power cut."""

    def set_up(connection, **_):
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA journal_mode=MEMORY")

    connection_created.connect(set_up)
    set_up(connection)
    try:
        yield
    finally:
        connection_created.disconnect(set_up)


@pytest.mark.usefixtures("quick_commits")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("cast", [name for name in CASTS if name in WANTED])
def test_every_history_ends_right(cast) -> None:
    parts = [ACTORS[name] for name in CASTS[cast]]

    class Histories(*parts, World):
        actors = frozenset(CASTS[cast])

        def ended(self) -> None:
            tried(f"histories of up to {STEPS} steps, {cast}", 1)

    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=PROGRAMS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=list(Phase) if "PROVE_SHRINK" in os.environ else [Phase.explicit, Phase.generate],
            print_blob=True,
        ),
    )


@pytest.mark.usefixtures("quick_commits")
def test_a_refund_that_the_odd_gateway_makes_long_after_it_accepted_it_is_sent_under_its_id() -> None:
    class History(OddGateway, World):
        pass

    history = History()
    history.open_shop(confirm=True, worker=False, short=False)
    history.pay(factor="0.5", number=0, risk="low")
    history.confirm(number=0)
    history.pass_time(minutes=11, deliver=True)
    history.change_manner("refund_accepted")
    history.refund(number=0)
    (accepted,) = history.accepted
    history.act_at_last(0)
    history.pass_time(minutes=11, deliver=True)

    (made,) = history.sandbox.here.find(accepted.refund.invoice_id).refunds
    assert (made.id, bool(made.txid)) == (accepted.refund.id, True)
    history.teardown()
