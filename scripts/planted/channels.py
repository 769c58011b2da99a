"""Mistakes with channels: who has one, and what a payment on it is worth."""

from __future__ import annotations

from .bug import Bug

CHANNELS = "services/test_channels.py::"
PAYMENTS = "services/test_channel_payments.py::"
MERGES = "services/test_channel_merge.py::"
FOUND = "services/test_channel_reconciliation.py::"

BUGS = (
    Bug(
        "each request makes a channel of its own",
        "services/channels/create.py",
        "channel.slot = slot_of(owner, channel)",
        "channel.slot = uuid.uuid4().hex",
        (f"{CHANNELS}test_requests_that_come_at_once_all_get_the_same_channel",),
    ),
    Bug(
        "a callback alone credits a payment on a channel",
        "services/channels/apply.py",
        "        version = None if known is None else known.version\n",
        "        snapshot = incoming.snapshot if incoming else snapshot\n"
        "        version = None if known is None else known.version\n",
        (f"{PAYMENTS}test_a_callback_alone_completes_nothing",),
    ),
    Bug(
        "a completion of nothing is credited",
        "services/channels/merge.py",
        "    if is_completed and not credited:\n",
        "    if False:\n",
        (f"{PAYMENTS}test_a_payment_too_small_to_be_credited_is_held_and_not_completed_for_nothing",),
    ),
    Bug(
        "an end of a payment that was taken back is notified like any other",
        "services/channels/merge.py",
        "        if was_final:\n",
        "        if False:\n",
        (f"{MERGES}test_a_final_status_that_becomes_another_is_held_and_not_notified",),
    ),
    Bug(
        "a custom_id claims another channel's payment",
        "services/channels/payment_callbacks.py",
        "        match |= Q(gateway_id=None, custom_id=snapshot.custom_id)\n",
        "        match |= Q(custom_id=snapshot.custom_id)\n",
        (f"{PAYMENTS}test_a_custom_id_that_somebody_else_uses_claims_no_payment",),
    ),
    Bug(
        "what failed in the ledger is forgotten",
        "services/reconciliation/reconcile_channels.py",
        "                if not self.poll(seen.channel, seen.gateway_id):\n",
        "                if not self.poll(seen.channel, seen.gateway_id) and False:\n",
        (f"{FOUND}test_what_failed_in_the_ledger_is_found_by_the_channels_own_list",),
    ),
)
