"""Mistakes in what the shop is told, and when: fulfilment, signals, handlers, pruning."""

from __future__ import annotations

from .bug import Bug

EVENTS = "services/test_events.py::"
CALLBACKS = "services/test_callbacks.py::"
HANDLING = "services/test_handling.py::"
NESTING = "services/test_nesting.py::"
ATTEMPTS = "services/test_attempts.py::"
WITHHOLDING = "services/test_withholding.py::"
HEARING = "services/test_hearing.py::"

BUGS = (
    Bug(
        "a signal is sent on commit, outside the transaction",
        "services/events/send_signals.py",
        "    SIGNALS[event.kind].send(sender=sender_of(event.kind), event=event, **_arguments(event))",
        "    from django.db import transaction\n\n"
        "    arguments = _arguments(event)\n"
        "    transaction.on_commit(lambda: SIGNALS[event.kind].send(sender_of(event.kind), event=event, **arguments))",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "a signal is sent robustly: a failed receiver counts as told",
        "services/events/send_signals.py",
        "SIGNALS[event.kind].send(",
        "SIGNALS[event.kind].send_robust(",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "a signal is sent in the transaction of the change: a broken receiver rolls the state back",
        "services/events/outbox.py",
        "        InvoiceEvent.objects.insert(event)\n",
        "        InvoiceEvent.objects.insert(event)\n"
        "        if event.kind in SIGNALS:\n"
        "            SIGNALS[event.kind].send(sender=Invoice, invoice=event.invoice, event=event)\n",
        ("test_webhook.py::test_a_broken_receiver_never_holds_back_the_state",),
    ),
    Bug(
        "what one receiver wrote stays when another fails: it is written twice",
        "services/events/attempt.py",
        "        kind.call(row, note)\n",
        "        try:\n            kind.call(row, note)\n        except Exception:\n"
        "            return AttemptResult.FAILED\n",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "an event is delivered again as long as nobody looks",
        "services/events/attempt.py",
        'values = {"delivered_at": timezone.now(), "next_attempt_at": None, ',
        'values = {"delivered_at": timezone.now(), ',
        (f"{EVENTS}test_a_delivered_event_is_not_delivered_again",),
    ),
    Bug(
        "a broken receiver ends the round of the worker",
        "services/events/attempt.py",
        "            if not isinstance(error, (Exception, asyncio.CancelledError)):\n                raise\n",
        "            raise\n",
        (f"{EVENTS}test_a_failing_invoice_holds_back_no_other_however_much_it_piles_up",),
    ),
    Bug(
        "later events overtake one that failed",
        "services/events/send_signals.py",
        "        return pending(events).alias(behind=before).filter(behind=None)\n",
        "        return pending(events)\n",
        (f"{EVENTS}test_an_event_from_the_queue_is_not_claimed_before_an_earlier_one",),
    ),
    Bug(
        "a new event overtakes one that failed",
        "services/events/send_signals.py",
        "alias(behind=before).filter(behind=None).only(",
        "only(",
        (f"{EVENTS}test_an_event_that_nobody_took_is_delivered_with_the_next_of_its_invoice",),
    ),
    Bug(
        "a new event is sent although it has ceased to be true",
        "services/events/send_signals.py",
        "events.filter(is_true_of(kind), next_attempt_at__isnull=False)",
        "events.filter(next_attempt_at__isnull=False)",
        (f"{WITHHOLDING}test_a_new_event_that_ceased_to_be_true_before_its_receivers_are_called_is_not_sent",),
    ),
    Bug(
        "a receiver's call delivers inside the delivery that called it",
        "services/events/nesting.py",
        "    return outer is not None and outer.leave(subject)",
        "    return False",
        (f"{NESTING}test_an_on_commit_hook_that_calls_a_verb_is_inside_too",),
    ),
    Bug(
        "what outlives a delivery still seems to be inside: its events are left to nobody",
        "services/events/nesting.py",
        "if not self._is_open or self._process != os.getpid():",
        "if self._process != os.getpid():",
        (f"{NESTING}test_what_a_receiver_starts_and_outlives_the_delivery_delivers_by_itself",),
    ),
    Bug(
        "events are delivered in the open transaction of the shop",
        "services/events/deliver.py",
        "    if not connection.in_atomic_block or (blocks and blocks[-1]._from_testcase):\n        return False\n",
        "    return False\n",
        (f"{NESTING}test_in_an_open_transaction_of_the_shop_events_are_delivered_after_its_commit",),
    ),
    Bug(
        "an attempt is counted only after it has failed: a receiver that kills its process hides",
        "services/events/attempt.py",
        "stopped = None if self.is_first else self._count(begun_at)",
        "stopped = None",
        (f"{ATTEMPTS}test_an_attempt_from_the_queue_is_counted_and_committed_before_it_is_made",),
    ),
    Bug(
        "counting leaves the event due: the killer stays at the head of the queue",
        "services/events/attempt.py",
        "begun_at=now, next_attempt_at=now + pause)",
        "begun_at=now)",
        (f"{ATTEMPTS}test_an_attempt_from_the_queue_is_counted_and_committed_before_it_is_made",),
    ),
    Bug(
        "a failure that was counted before counts again",
        "services/events/attempt.py",
        "attempts = row.attempts + 1 if self.is_first else row.attempts",
        "attempts = row.attempts + 1",
        (f"{ATTEMPTS}test_each_failure_counts_once_whoever_has_made_the_attempt",),
    ),
    Bug(
        "the event is marked before the receivers: a broken transaction is believed delivered",
        "services/events/attempt.py",
        "        kind.call(row, note)\n",
        "",
        (f"{ATTEMPTS}test_a_receiver_that_breaks_the_transaction_and_says_nothing_is_noticed",),
        also=(
            (
                '        note(outcome="delivered")\n',
                '        kind.call(row, note)\n        note(outcome="delivered")\n',
            ),
        ),
    ),
    Bug(
        "a hook that fails after the commit counts as a failed delivery",
        "services/events/attempt.py",
        "result = self._hook_failed(error) if committed else self._failed(error)",
        "result = self._failed(error)",
        (f"{ATTEMPTS}test_a_failing_hook_is_reported_as_what_it_is",),
    ),
    Bug(
        "a held invoice is fulfilled",
        "services/events/withholding.py",
        'filter(ended, quarantine_reason="")',
        "filter(ended)",
        (f"{WITHHOLDING}test_an_outcome_is_delivered_while_the_invoice_is_in_it_and_everything_else_always",),
    ),
    Bug(
        "an event that ceases to be true while receivers run counts as delivered",
        "services/events/send_signals.py",
        "        markable=_pending(frozenset()),\n        call=_send_from_queue,",
        "        markable=_any,\n        call=_send_from_queue,",
        (f"{WITHHOLDING}test_what_ceases_to_be_true_while_receivers_run_is_rolled_back",),
        also=(
            (
                "def _itself(",
                "def _any(events: QuerySet[Any]) -> QuerySet[Any]:\n    return events\n\n\ndef _itself(",
            ),
        ),
    ),
    Bug(
        "an event that nothing receives is delivered to nothing",
        "services/events/unheard.py",
        "if kind in SIGNALS and not is_heard(kind))",
        "if kind not in SIGNALS)",
        (f"{HEARING}test_a_required_event_that_nothing_receives_stays_pending_and_the_log_says_so_once",),
    ),
    Bug(
        "the back-off grows without end",
        "services/backoff.py",
        "min(10 * 2 ** min(failures - 1, 10), 3600)",
        "10 * 2 ** (failures - 1)",
        (f"{EVENTS}test_the_back_off_doubles_up_to_an_hour",),
    ),
    Bug(
        "an event may happen twice to an invoice",
        "services/events/outbox.py",
        "        once=once,\n",
        "        once=None,\n",
        (f"{EVENTS}test_nothing_happens_twice_to_an_invoice_even_if_the_code_tried",),
        also=(("uuid=_uuid_of(about, once),", "uuid=_uuid_of(about, None),"),),
    ),
    Bug(
        "a shortfall is ignored",
        "services/snapshots/merge.py",
        "return settled is not None and settled >= lowest",
        "return settled is not None",
        (f"{CALLBACKS}test_a_payment_of_a_hundredth_that_the_account_recalculates_is_settled_short",),
    ),
    Bug(
        "an overruled invoice is fulfilled a second time",
        "services/snapshots/merge.py",
        "    if not invoice.quarantine_reason:\n        merge.events.append(status_event",
        "    if not invoice.quarantine_reason or before in FINAL_STATUSES:\n        merge.events.append(status_event",
        (f"{CALLBACKS}test_if_the_gateway_insists_on_another_end_the_invoice_is_held_and_not_fulfilled_again",),
    ),
    Bug(
        "a quarantined invoice is fulfilled",
        "services/snapshots/merge.py",
        "    if not invoice.quarantine_reason:\n        merge.events.append(status_event",
        "    if before not in FINAL_STATUSES:\n        merge.events.append(status_event",
        ("test_logs.py::test_a_move_of_an_invoice_that_is_held_is_told_though_it_is_no_event",),
    ),
    Bug(
        "a release tells the shop again what it has heard",
        "services/resolution/release.py",
        "        if due.kind not in told or due.once is None:\n            events.append(due)",
        "        due.once = None\n        events.append(due)",
        ("services/test_resolution.py::test_what_the_shop_has_heard_is_not_told_again",),
    ),
    Bug(
        "a handler that fails holds back all the others",
        "services/events/call_handlers.py",
        '        handler=OuterRef("handler"),\n',
        "",
        (f"{HANDLING}test_a_handler_that_fails_holds_back_its_own_later_calls_for_the_invoice_and_nothing_else",),
    ),
    Bug(
        "a handler is tried for ever",
        "services/events/retry.py",
        "is_last = kind.gives_up and attempts >= app_settings.HANDLER_ATTEMPTS",
        "is_last = False",
        (f"{HANDLING}test_after_so_many_failures_it_is_given_up_and_the_teams_are_told_early_and_then",),
    ),
    Bug(
        "a handler that is gone counts as told",
        "services/events/call_handlers.py",
        "    if handler is None:\n        raise HandlerMissingError(",
        "    if handler is None:\n        return\n        raise HandlerMissingError(",
        (f"{HANDLING}test_a_handler_that_is_gone_is_told_as_such_given_up_and_delivered_once_it_is_back",),
    ),
    Bug(
        "pruning deletes callbacks that are pending",
        "services/retention.py",
        "exclude(outcome=CallbackOutcome.PENDING)\n    processed = processed.filter(next_attempt_at=None, ",
        "all()\n    processed = processed.filter(",
        ("services/test_retention.py::test_callbacks_that_are_pending_or_young_stay",),
        also=(("filter(pk__in=keys, next_attempt_at=None)", "filter(pk__in=keys)"),),
    ),
    Bug(
        "pruning deletes events that handlers were not told of",
        "services/retention.py",
        "    passed = passed.exclude(Exists(owed))\n",
        "",
        (f"{HANDLING}test_prune_lets_records_go_with_their_events_but_never_what_a_handler_was_not_told",),
    ),
)
