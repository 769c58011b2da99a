"""Mistakes in what the shop is told, and when: fulfilment, signals, handlers, pruning."""

from __future__ import annotations

from .bug import Bug

EVENTS = "services/test_events.py::"
CALLBACKS = "services/test_callbacks.py::"
HANDLING = "services/test_handling.py::"

BUGS = (
    Bug(
        "a signal is sent on commit, outside the transaction",
        "services/delivery.py",
        "    SIGNALS[event.kind].send(sender=Invoice, **arguments)",
        "    from django.db import transaction\n\n"
        "    transaction.on_commit(lambda: SIGNALS[event.kind].send(sender=Invoice, **arguments))",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "a signal is sent robustly: a failed receiver counts as told",
        "services/delivery.py",
        "SIGNALS[event.kind].send(",
        "SIGNALS[event.kind].send_robust(",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "a signal is sent in the transaction of the change: a broken receiver rolls the state back",
        "services/events.py",
        "        InvoiceEvent.objects.insert(event)\n",
        "        InvoiceEvent.objects.insert(event)\n"
        "        if event.kind in SIGNALS:\n"
        "            SIGNALS[event.kind].send(sender=Invoice, invoice=event.invoice, event=event)\n",
        ("test_webhook.py::test_a_broken_receiver_never_holds_back_the_state",),
    ),
    Bug(
        "what one receiver wrote stays when another fails: it is written twice",
        "services/delivery.py",
        "            _send(event, note)\n",
        "            try:\n"
        "                _send(event, note)\n"
        "            except Exception:\n"
        "                return False\n",
        (f"{EVENTS}test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried",),
    ),
    Bug(
        "an event is delivered again as long as nobody looks",
        "services/delivery.py",
        "InvoiceEvent.objects.change(event, delivered_at=timezone.now(), next_attempt_at=None)",
        "InvoiceEvent.objects.change(event, delivered_at=timezone.now())",
        (f"{EVENTS}test_a_delivered_event_is_not_delivered_again",),
    ),
    Bug(
        "a broken receiver ends the round of the worker",
        "services/delivery.py",
        "        _note_failure(event_id, traceback.format_exc())\n        return _Turn.OVER",
        "        _note_failure(event_id, traceback.format_exc())\n        raise",
        (f"{EVENTS}test_a_failing_invoice_holds_back_no_other_however_much_it_piles_up",),
    ),
    Bug(
        "later events overtake one that failed",
        "services/delivery.py",
        "        if turn is not _Turn.TAKEN:\n            return delivered, turn\n",
        "        if turn is not _Turn.TAKEN:\n            continue\n",
        (f"{EVENTS}test_later_events_of_the_invoice_wait_for_the_failed_one",),
        also=(("    return events.filter(~Exists(earlier))", "    return events"),),
    ),
    Bug(
        "the back-off grows without end",
        "services/events.py",
        "min(10 * 2 ** min(attempts - 1, 10), 3600)",
        "10 * 2 ** (attempts - 1)",
        (f"{EVENTS}test_the_back_off_doubles_up_to_an_hour",),
    ),
    Bug(
        "an event may happen twice to an invoice",
        "services/events.py",
        "        once=once,\n",
        "        once=None,\n",
        (f"{EVENTS}test_nothing_happens_twice_to_an_invoice_even_if_the_code_tried",),
        also=(("uuid=_uuid_of(invoice, once),", "uuid=_uuid_of(invoice, None),"),),
    ),
    Bug(
        "a shortfall is ignored",
        "services/merge.py",
        "return invoice.settled_amount is not None and invoice.settled_amount >= lowest",
        "return invoice.settled_amount is not None",
        (f"{CALLBACKS}test_a_payment_of_a_hundredth_that_the_account_recalculates_is_settled_short",),
    ),
    Bug(
        "an overruled invoice is fulfilled a second time",
        "services/merge.py",
        "    if not invoice.quarantine_reason:\n        merge.events.append(status_event",
        "    if not invoice.quarantine_reason or before in FINAL_STATUSES:\n        merge.events.append(status_event",
        (f"{CALLBACKS}test_if_the_gateway_insists_on_another_end_the_invoice_is_held_and_not_fulfilled_again",),
    ),
    Bug(
        "a quarantined invoice is fulfilled",
        "services/merge.py",
        "    if not invoice.quarantine_reason:\n        merge.events.append(status_event",
        "    if before not in FINAL_STATUSES:\n        merge.events.append(status_event",
        ("test_logs.py::test_a_move_of_an_invoice_that_is_held_is_told_though_it_is_no_event",),
    ),
    Bug(
        "a release tells the shop again what it has heard",
        "services/release.py",
        "            if due.kind not in told or due.once is None:\n                events.append(due)",
        "            due.once = None\n            events.append(due)",
        ("services/test_resolution.py::test_what_the_shop_has_heard_is_not_told_again",),
    ),
    Bug(
        "a handler that fails holds back all the others",
        "services/handling.py",
        '        handler=OuterRef("handler"),\n',
        "",
        (f"{HANDLING}test_a_handler_that_fails_holds_back_its_own_later_calls_for_the_invoice_and_nothing_else",),
    ),
    Bug(
        "a handler is tried for ever",
        "services/handling.py",
        "is_last = delivery.attempts >= app_settings.HANDLER_ATTEMPTS",
        "is_last = False",
        (f"{HANDLING}test_after_so_many_failures_it_is_given_up_and_the_teams_are_told_early_and_then",),
    ),
    Bug(
        "a handler that is gone counts as told",
        "services/handling.py",
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
