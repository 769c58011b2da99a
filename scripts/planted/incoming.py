"""Mistakes on the road of a callback: received, verified, read, confirmed, merged."""

from __future__ import annotations

from .bug import Bug

WEBHOOK = "test_webhook.py::"
CALLBACKS = "services/test_callbacks.py::"
SNAPSHOTS = "services/test_merge_snapshots.py::"
COMPARISON = "services/snapshots/compare.py"
REPEATS = "services/test_repeats.py::"
OTHERS = "services/test_other_types.py::"
LIMIT = "services/test_shared_rate_limit.py::"
CONFIRMING = "services/test_confirming.py::"
FOREIGN = "services/test_orphan_invoices.py::"

BUGS = (
    Bug(
        "a callback that could not be stored is answered 200",
        "webhook.py",
        'return _answer(503, "it could not be stored',
        'return _answer(200, "it could not be stored',
        (f"{WEBHOOK}test_a_database_that_is_away_gets_503_and_nothing_is_answered_200",),
    ),
    Bug(
        "a wrong signature ends in a 500",
        "webhook.py",
        'return _answer(401, "the signature does not match")',
        "raise",
        (f"{WEBHOOK}test_a_callback_without_signature_gets_401",),
    ),
    Bug(
        "a body of any size is read",
        "webhook.py",
        "if len(body) > MAX_BODY:",
        "if len(body) > MAX_BODY * 4:",
        (f"{WEBHOOK}test_a_body_over_256_kib_gets_413_and_one_just_below_does_not",),
    ),
    Bug(
        "the webhook runs in the request's transaction",
        "webhook.py",
        "@non_atomic_requests\n",
        "",
        (f"{WEBHOOK}test_atomic_requests_do_not_roll_the_stored_callback_back",),
    ),
    Bug(
        "the body is parsed before its signature is verified",
        "services/callbacks/receive.py",
        "        configured = get_account(account)\n",
        "        configured = get_account(account)\n        parse_callback(body)\n",
        (f"{WEBHOOK}test_signed_but_unreadable_gets_200_and_is_kept_with_the_reason",),
    ),
    Bug(
        "a body that was seen before is counted, whatever has become of its invoice",
        "services/callbacks/duplicates.py",
        'filter(pk=OuterRef("invoice_id"), **is_same)',
        'filter(pk=OuterRef("invoice_id"))',
        (
            f"{REPEATS}test_an_invoice_that_has_moved_on_is_looked_at_anew",
            f"{REPEATS}test_a_status_that_the_gateway_has_changed_its_mind_about_is_asked_for_again",
        ),
    ),
    Bug(
        "a body counts as taken in that was merged only in part",
        "services/snapshots/apply.py",
        "        taken_version=None if denied else invoice.version,",
        "        taken_version=invoice.version,",
        (f"{REPEATS}test_what_a_later_answer_of_the_gateway_had_outrun_is_not_remembered",),
    ),
    Bug(
        "a body that nobody could use is asked about each time that it comes",
        "services/callbacks/duplicates.py",
        '{"next_attempt_at": max(due, (known.processed_at or at) + backoff(known.repeats + 1))}',
        '{"next_attempt_at": due}',
        (f"{REPEATS}test_no_body_is_stored_often_nor_asked_about_often_however_often_it_comes",),
    ),
    Bug(
        "a body that was stored twice is written as two events",
        "services/callbacks/other_types.py",
        "        if InvoiceEvent.objects.primary().filter(subject=callback.subject, once=kind).exists():",
        "        if False:",
        (f"{OTHERS}test_one_body_that_was_stored_twice_at_the_same_moment_is_one_event",),
    ),
    Bug(
        "a callback of another type is finished before its event is written",
        "services/callbacks/other_types.py",
        "    with write_transaction(Callback):\n",
        "    if True:\n",
        (f"{OTHERS}test_a_callback_whose_event_cannot_be_written_stays_pending",),
    ),
    Bug(
        "what was received is forgotten with its bytes",
        "services/retention.py",
        "    EventKind.CHANNEL_PAYMENT_CREATED,\n",
        "    EventKind.CHANNEL_PAYMENT_CREATED,\n    EventKind.CALLBACK_RECEIVED,\n",
        (f"{OTHERS}test_pruned_bytes_are_known_when_they_come_again",),
    ),
    Bug(
        "an invoice of somebody else is taken for ours by its custom_id",
        "services/callbacks/process.py",
        "match |= Q(gateway_id=None, custom_id=snapshot.custom_id)",
        "match |= Q(custom_id=snapshot.custom_id)",
        (f"{FOREIGN}test_an_equal_custom_id_links_nothing",),
    ),
    Bug(
        "a callback about an invoice of somebody else waits for ever",
        "services/callbacks/process.py",
        "    except GatewayNotFoundError:  # also one that is not ours\n        if invoice.gateway_id is not None:\n",
        "    except GatewayNotFoundError:\n        if True:\n",
        (
            f"{FOREIGN}test_a_name_taken_while_our_creation_has_no_answer_makes_an_orphan_and_not_a_callback_that_waits_for_ever",
        ),
    ),
    Bug(
        "an invoice whose facts cannot be read waits unseen",
        "services/snapshots/quarantine_unreadable.py",
        "    if not lacks_a_fact(error):\n        return\n",
        "    return\n",
        (f"{WEBHOOK}test_an_invoice_without_a_fact_that_can_be_read_is_held_or_asked_about_again",),
    ),
    Bug(
        "what only informs makes an invoice unreadable",
        "gateway/message_base.py",
        "                if member.is_fact:\n                    raise\n",
        "                raise\n",
        (f"{WEBHOOK}test_an_odd_field_that_only_informs_is_left_out_and_noted",),
    ),
    Bug(
        "an odd fact is left out like any odd member",
        "gateway/message_base.py",
        "                if member.is_fact:\n                    raise\n",
        "",
        (f"{WEBHOOK}test_a_fact_that_is_not_right_is_named_and_the_gateway_is_asked",),
    ),
    Bug(
        "pages go on from the last invoice that could be read",
        "services/reconciliation/reconcile_invoices.py",
        "            after = page.ids[-1]",
        "            after = page[-1].id",
        ("services/test_reconciliation.py::test_an_odd_invoice_in_a_list_spoils_no_other_and_no_page",),
    ),
    Bug(
        "only the newest callback secret is tried",
        "gateway/signing.py",
        "for secret in secrets if secret]",
        "for secret in secrets[:1] if secret]",
        (f"{WEBHOOK}test_an_older_secret_is_still_good_and_is_noted",),
    ),
    Bug(
        "an empty secret verifies",
        "gateway/signing.py",
        "for secret in secrets if secret]",
        "for secret in secrets]",
        ("gateway/test_signing.py::test_without_a_secret_no_callback_is_accepted_not_even_one_signed_with_nothing",),
    ),
    Bug(
        "the secrets of every account are good for each URL",
        "services/callbacks/receive.py",
        "index = verify_callback(body, signature, secrets=configured.callback_secrets)",
        "from ...conf import account_names\n"
        "        index = verify_callback(\n"
        "            body,\n"
        "            signature,\n"
        "            secrets=[s for name in account_names() for s in get_account(name).callback_secrets],\n"
        "        )\n"
        "        index = min(index, len(configured.callback_secrets) - 1)",
        ("services/test_accounts.py::test_a_callback_signed_for_one_account_is_refused_at_the_url_of_another",),
    ),
    Bug(
        "an invoice is looked for in all accounts",
        "services/callbacks/process.py",
        "filter(match, account=account, environment=environment)",
        "filter(match, environment=environment)",
        (
            "services/test_accounts.py::test_a_nameless_invoice_of_one_account_is_not_found_by_the_custom_id_of_another",
        ),
    ),
    Bug(
        "an amount passes through a float",
        "gateway/values.py",
        "    return Decimal(written)\n",
        "    return Decimal(str(float(written)))\n",
        ("gateway/test_schemas.py::test_an_amount_keeps_every_digit",),
    ),
    Bug(
        "a number of the JSON becomes a float",
        "gateway/strictjson.py",
        'parse_float=_or_odd(_read_fraction, "a number")',
        "parse_float=float",
        (f"{WEBHOOK}test_json_numbers_do_not_become_floats_on_the_way",),
    ),
    Bug(
        "what cannot be read is dropped",
        "services/callbacks/unreadable.py",
        "finish_callback(callback, CallbackOutcome.UNREADABLE, invoice=invoice, error=error_text, at=timezone.now())",
        "callback.delete()",
        (f"{WEBHOOK}test_signed_but_unreadable_gets_200_and_is_kept_with_the_reason",),
    ),
    Bug(
        "a callback for an invoice that is not here yet is dropped",
        "services/callbacks/process.py",
        "    if applied is None:\n        _leave_orphan(incoming)\n",
        "    if applied is None:\n"
        "        finish_callback(\n"
        "            incoming.callback, CallbackOutcome.IGNORED, event=incoming.title, at=timezone.now()\n        )\n",
        ("services/test_checkout.py::test_an_orphan_is_linked_when_its_invoice_appears",),
    ),
    Bug(
        "two workers take the same callback",
        "models/locking.py",
        "seen = self.primary().filter(pk=row.pk, **{due: getattr(row, due)})",
        "seen = self.primary().filter(pk=row.pk)",
        (f"{CALLBACKS}test_two_workers_do_not_take_the_same_callback",),
    ),
    Bug(
        "a status is believed without asking the gateway",
        COMPARISON,
        "return how is Relation.AHEAD and (app_settings.CONFIRM_WITH_API or is_unpaid_completion(invoice, snapshot))",
        "return False",
        (f"{CALLBACKS}test_a_forged_completion_fulfils_nothing_and_ends_stale",),
    ),
    Bug(
        "a callback adds money that the gateway denies",
        "services/snapshots/apply.py",
        "            must_ask = _is_unproven(invoice, known, incoming)\n",
        "            must_ask = False\n",
        (f"{CALLBACKS}test_what_the_gateway_denies_is_not_taken_from_a_callback",),
    ),
    Bug(
        "a contradiction of two ends is settled without asking the gateway",
        COMPARISON,
        "how in (Relation.CONFLICT, Relation.UNKNOWN) or differences",
        "how is Relation.UNKNOWN or differences",
        (f"{CALLBACKS}test_if_the_gateway_insists_on_another_end_the_invoice_is_held_and_not_fulfilled_again",),
    ),
    Bug(
        "another end is taken over from a callback that crossed ours",
        "services/snapshots/merge.py",
        "if broken or how not in (Relation.SAME, Relation.AHEAD):",
        "if False:",
        (f"{SNAPSHOTS}test_a_conflict_of_a_callback_decides_nothing_not_even_what_it_contradicts",),
        ((" and source is not Source.GET):", " and False):"),),
    ),
    Bug(
        "a callback names an invoice's id, address and amount",
        "services/snapshots/merge.py",
        "        if broken or how not in (Relation.SAME, Relation.AHEAD):\n            return merge\n    else:\n",
        "        if how not in (Relation.SAME, Relation.AHEAD):\n            return merge\n    if True:\n",
        (f"{SNAPSHOTS}test_a_callback_names_neither_id_nor_address_nor_amount",),
    ),
    Bug(
        "what the gateway takes back is passed over",
        "services/snapshots/merge.py",
        "(is_backwards and source is not Source.GET)",
        "is_backwards",
        (f"{SNAPSHOTS}test_a_status_that_the_gateway_takes_back_is_taken_held_and_not_delivered",),
    ),
    Bug(
        "a completion without a payment is fulfilled",
        "services/snapshots/merge.py",
        "    if is_unpaid and not broken:\n",
        "    if False:\n",
        (f"{SNAPSHOTS}test_a_completion_without_a_payment_is_held_and_not_delivered",),
    ),
    Bug(
        "last write wins: what is behind us is taken in",
        COMPARISON,
        "return Relation.AHEAD if theirs > ours else Relation.BEHIND",
        "return Relation.AHEAD",
        (f"{CALLBACKS}test_a_replayed_callback_of_a_finished_invoice_costs_no_call_and_changes_nothing",),
    ),
    Bug(
        "last write wins: a lower paid amount is taken in",
        "services/snapshots/merge.py",
        "if advance or snapshot.paid_amount > invoice.paid_amount:",
        "if advance or snapshot.paid_amount != invoice.paid_amount:",
        (f"{CALLBACKS}test_a_late_callback_never_lowers_what_was_paid",),
    ),
    Bug(
        "the row is read without a lock before it is merged into",
        "services/snapshots/apply.py",
        "invoice = Invoice.objects.lock(pk=invoice_id)",
        "invoice = Invoice.objects.primary().filter(pk=invoice_id).first()",
        (f"{CALLBACKS}test_a_merge_locks_the_row_before_it_reads_anything",),
    ),
    Bug(
        "the row of a callback is read without a lock",
        "services/snapshots/apply.py",
        "        invoice = Invoice.objects.lock(\n"
        "            account=account.name, environment=account.environment, gateway_id=incoming.snapshot.id\n"
        "        )",
        "        invoice = Invoice.objects.filter(account=account.name, gateway_id=incoming.snapshot.id).first()",
        (f"{CALLBACKS}test_a_merge_locks_the_row_before_it_reads_anything",),
    ),
    Bug(
        "an answer is merged although the row has moved on since",
        "services/snapshots/apply.py",
        "if invoice is None or (poll and invoice.version != poll.version):",
        "if invoice is None:",
        (f"{CALLBACKS}test_a_row_that_moves_while_the_gateway_is_asked_is_asked_about_again",),
    ),
    Bug(
        "a page of a list denies what it does not know yet",
        "services/snapshots/apply.py",
        "    if poll is None or not poll.is_page:\n        return incoming.snapshot.status",
        "    if True:\n        return incoming.snapshot.status",
        (
            f"{CONFIRMING}test_news_that_a_page_does_not_show_yet_are_asked_for_alone",
            f"{CONFIRMING}test_a_page_that_still_shows_an_end_does_not_refuse_that_it_was_taken_back",
        ),
    ),
    Bug(
        "a page of a list makes older callbacks no news",
        "services/snapshots/apply.py",
        "if poll and not (poll.is_page and incoming) else {}",
        "if poll else {}",
        (f"{CONFIRMING}test_a_callback_that_comes_while_a_page_is_read_is_not_taken_for_old",),
    ),
    Bug(
        "a row's version is read when the page is here",
        "services/snapshots/apply.py",
        "if invoice is None or (poll and invoice.version != poll.version):",
        "if invoice is None or (poll and not poll.is_page and invoice.version != poll.version):",
        (f"{CONFIRMING}test_a_row_that_moves_while_a_page_is_read_is_asked_about_alone",),
    ),
    Bug(
        "a full minute counts as a refusal of the callback",
        "services/callbacks/process.py",
        "        _await_place(callback, error, invoice)\n",
        '        _postpone(callback, f"{type(error).__name__}: {error}", invoice)\n',
        (
            f"{CONFIRMING}test_without_room_for_a_page_nothing_else_is_asked_and_all_wait_without_a_refusal_against_them",
        ),
    ),
    Bug(
        "a storm of creations leaves no call for confirmations",
        "services/shared_rate_limit.py",
        "        if total + kept >= self._requests:",
        "        if total >= self._requests:",
        (f"{LIMIT}test_even_a_storm_of_creations_leaves_some_calls_for_confirmations",),
    ),
    Bug(
        "reconciliation may use all calls of a minute",
        "services/shared_rate_limit.py",
        "total < self._requests * QUOTAS[purpose].most",
        "total < self._requests",
        (f"{LIMIT}test_background_work_leaves_room_for_what_is_more_urgent",),
    ),
    Bug(
        "a call counts from the moment when it was allowed",
        "services/shared_rate_limit.py",
        "free_at = now + self._window + timedelta(seconds=max(0.0, arrives_within))",
        "free_at = now + self._window",
        (f"{LIMIT}test_a_place_is_taken_until_its_call_has_certainly_arrived_and_a_minute_more",),
    ),
    Bug(
        "a late answer frees the place of another call",
        "services/shared_rate_limit.py",
        "filter(pk=place.pk, free_at=place.free_at).update",
        "filter(pk=place.pk).update",
        (f"{LIMIT}test_a_place_that_was_taken_anew_is_not_freed_by_a_late_answer",),
    ),
    Bug(
        "a refusal of the gateway stops one process only",
        "services/shared_rate_limit.py",
        "            if is_refused:\n",
        "            if False:\n",
        (f"{LIMIT}test_a_refusal_of_the_gateway_stops_all_processes_for_its_time",),
    ),
    Bug(
        "a change does not raise the version",
        "services/snapshots/apply.py",
        '{"version": invoice.version + 1, "updated_at": at}',
        '{"updated_at": at}',
        ("services/test_settle.py::test_an_invoice_that_is_not_the_one_that_was_shown_is_not_touched",),
    ),
    Bug(
        "the price seal is not checked",
        COMPARISON,
        '{"price_amount": snapshot.price_amount, "pay_amount"',
        '{"pay_amount"',
        (f"{CALLBACKS}test_another_price_in_the_callback_is_held_and_never_fulfilled",),
    ),
    Bug(
        "a recalculation is taken for a contradiction",
        COMPARISON,
        "if not is_recalculated(invoice, snapshot):",
        "if True:",
        (f"{CALLBACKS}test_a_payment_of_a_hundredth_that_the_account_recalculates_is_settled_short",),
    ),
    Bug(
        "a status that is unknown here fails every time",
        COMPARISON,
        "    if snapshot.status not in _RANK:\n        return Relation.UNKNOWN\n",
        "",
        (f"{WEBHOOK}test_an_unknown_status_is_quarantined_once_the_gateway_insists",),
    ),
    Bug(
        "a status that is unknown here counts as an end",
        COMPARISON,
        "    if snapshot.status not in _RANK:\n        return Relation.UNKNOWN\n",
        '    if snapshot.status not in _RANK:\n        object.__setattr__(snapshot, "status", "completed")\n',
        (f"{WEBHOOK}test_an_unknown_status_is_quarantined_once_the_gateway_insists",),
    ),
    Bug(
        "a late snapshot without a risk forgets the one that is known",
        COMPARISON,
        "    if entry.risk is not None:\n",
        '    if entry.risk is None:\n        known["risk_level"] = ""\n    else:\n',
        (f"{CALLBACKS}test_risk_comes_late_and_is_not_lost_again",),
    ),
)
