"""Mistakes in what is asked of the gateway and what staff decide: creation, settlements, permissions, secrets."""

from __future__ import annotations

from .bug import Bug

UNKNOWN = "services/test_unknown.py::"
SETTLE = "services/test_settle.py::"
FOUR_EYES = "services/test_four_eyes.py::"

BUGS = (
    Bug(
        "a POST that timed out is sent again",
        "gateway/calls.py",
        'if call.method != "GET" or attempt == MAX_ATTEMPTS',
        "if attempt == MAX_ATTEMPTS",
        ("gateway/test_calls.py::test_what_may_have_changed_something_is_sent_once",),
    ),
    Bug(
        "a broken connection counts as nothing sent",
        "gateway/calls.py",
        "    return _broken(call, error)\n",
        '    return GatewayUnreachableError(f"{call}: nothing was sent ({error})")\n',
        ("gateway/test_calls.py::test_a_broken_connection_after_sending_leaves_the_outcome_unknown",),
    ),
    Bug(
        "an invoice without an answer is made a second time",
        "services/creation.py",
        "            found = _look_for(invoice, error)\n",
        "            again = {name: value for name in _SENT if (value := getattr(invoice, name))}\n"
        "            again |= {'custom_id': f'{invoice.custom_id}-2'}\n"
        "            return client_of(invoice).create_invoice(**again)\n",
        ("services/test_checkout.py::test_an_unclear_answer_after_the_effect_finds_the_invoice_that_was_made",),
    ),
    Bug(
        "a try that was never sent says of an earlier one that nothing was made",
        "services/creation.py",
        "        if is_clear and isinstance(error, GatewayRefusedError):\n",
        "        if is_clear:\n",
        ("services/test_checkout.py::test_a_second_try_that_is_never_sent_leaves_the_first_one_unclear",),
    ),
    Bug(
        "a custom_id that was used before gets the invoice of another order",
        "services/creation.py",
        "    if not same or not _has_order(standing, order):",
        "    if False:",
        ("services/test_checkout.py::test_the_same_custom_id_for_another_order_is_refused",),
    ),
    Bug(
        "a custom_id that was used before gets the invoice of an order of another model",
        "services/creation.py",
        "    return invoice.order_content_type_id in types and invoice.order_object_id",
        "    return invoice.order_object_id",
        ("services/test_orders.py::test_the_same_custom_id_for_an_order_of_another_model_is_refused",),
    ),
    Bug(
        "what is found under our custom_id is adopted without a proof",
        "services/adoption.py",
        "    return invoice.custom_id == ours or",
        "    return True or",
        ("services/test_checkout.py::test_what_was_made_for_a_row_that_is_gone_is_not_adopted",),
    ),
    Bug(
        "a request that could not connect deletes a row that another one has taken up",
        "services/creation.py",
        "row.gateway_id is None and row.version == invoice.version:",
        "row.gateway_id is None:",
        ("services/test_orders.py::test_a_request_that_fails_to_connect_takes_no_row_from_the_one_that_came_second",),
    ),
    Bug(
        "an order with money under way gets a second invoice",
        "services/orders.py",
        "    paid = Q(has_payment) | Q(paid_amount__gt=0) | ",
        "    paid = ",
        ("services/test_orders.py::test_while_money_is_under_way_there_is_no_second_invoice",),
    ),
    Bug(
        "an invoice of another environment is asked about",
        "services/accounts.py",
        "    if invoice.environment != present:",
        "    if False:",
        ("services/test_environments.py::test_it_is_not_asked_about",),
    ),
    Bug(
        "a quote is put into force at once: force_commit",
        "gateway/client.py",
        '        route = _route("/api/invoices/{invoice_id}/recalculations", invoice_id=invoice_id)\n'
        '        return self._send("POST", route, {}, ',
        '        route = _route("/api/invoices/{invoice_id}/recalculations", invoice_id=invoice_id)\n'
        '        return self._send("POST", route, {"force_commit": True}, ',
        (f"{SETTLE}test_a_quote_says_what_would_be_credited_against_what_was_ordered",),
    ),
    Bug(
        "an expired quote is sent",
        "services/quotes.py",
        "return now >= self.expires_at",
        "return False",
        (f"{SETTLE}test_an_expired_quote_is_not_sent",),
    ),
    Bug(
        "no answer to a refund means that it failed",
        "services/protocol.py",
        "            if error.outcome_unknown:\n",
        "            if error.outcome_unknown and error.retry_after:\n",
        (f"{UNKNOWN}test_a_call_that_had_its_effect_is_found_and_never_made_again",),
    ),
    Bug(
        "no trace of a refund means that it failed, though it may still be on its way",
        "services/resolver.py",
        "is_safe = resolution.sent_at is not None and read_at >= resolution.sent_at + _safe_interval()",
        "is_safe = True",
        (f"{UNKNOWN}test_a_call_that_had_no_effect_has_failed_once_it_cannot_arrive_any_more",),
    ),
    Bug(
        "a refund of before is taken for this one",
        "services/resolver.py",
        "    if str(refund.id) in resolution.known_refund_ids:\n        return False\n",
        "",
        (f"{UNKNOWN}test_refunds_of_before_are_not_taken_for_this_one",),
    ),
    Bug(
        "a refund to anywhere is taken for this one",
        "services/resolver.py",
        "return _place(asked) == _place(refund.address)",
        "return True",
        (f"{UNKNOWN}test_a_refund_that_somebody_else_made_to_another_place_is_not_ours",),
    ),
    Bug(
        "the row is locked, and the stale one used",
        "services/protocol.py",
        "        row = lock_resolution(resolution)\n        if row.status != ResolutionStatus.PLANNED",
        "        lock_resolution(resolution)\n"
        "        row = resolution\n"
        "        if row.status != ResolutionStatus.PLANNED",
        (f"{UNKNOWN}test_a_process_that_wakes_up_after_its_plan_was_given_up_sends_nothing",),
    ),
    Bug(
        "the invoice that a person saw may have changed",
        "services/protocol.py",
        "    if expected_version is not None and invoice.version != expected_version:\n",
        "    if expected_version is not None and invoice.version < expected_version:\n",
        (f"{SETTLE}test_an_invoice_that_is_not_the_one_that_was_shown_is_not_touched",),
    ),
    Bug(
        "a refund to an address goes to the own account",
        "services/resolution.py",
        '"refund_overage": False, "address": address}',
        '"refund_overage": False, "address": None}',
        (f"{SETTLE}test_a_refund_goes_to_the_own_account_or_to_the_address",),
    ),
    Bug(
        "an address of another network is sent coins",
        "services/resolution.py",
        "        check_address(address, invoice.network, testnet=False if is_production else None)\n",
        "        pass\n",
        (f"{SETTLE}test_an_address_of_another_network_or_with_a_slip_is_refused_before_anything_is_sent",),
    ),
    Bug(
        "a payment on hold can be settled",
        "services/resolvable.py",
        "if invoice.status_context == StatusContext.ILLICIT_RESOURCE:",
        "if False:",
        (f"{SETTLE}test_what_is_on_hold_is_refused_and_says_whom_to_contact",),
    ),
    Bug(
        "a quarantined invoice can be settled",
        "services/resolvable.py",
        "    if invoice.quarantine_reason:\n",
        "    if invoice.quarantine_reason is None:\n",
        (f"{SETTLE}test_what_may_not_be_resolved_says_why",),
    ),
    Bug(
        "whoever planned it may approve it",
        "services/resolution.py",
        "if approver is not None and approver.strip().casefold() == resolution.actor.strip().casefold():",
        "if approver is not None and not approver:",
        (f"{FOUR_EYES}test_nobody_confirms_their_own",),
    ),
    Bug(
        "an approval of what has changed since is sent",
        "services/resolution.py",
        "        changes = _changes(locked)\n",
        '        changes = ""\n',
        (f"{FOUR_EYES}test_what_was_decided_on_must_still_be_so",),
    ),
    Bug(
        "what was paid does not count towards two pairs of eyes",
        "services/resolvable.py",
        "max(invoice.price_amount, _worth(invoice)) > limit",
        "invoice.price_amount > limit",
        (f"{FOUR_EYES}test_what_was_ordered_or_paid_decides_whether_two_are_needed",),
    ),
    Bug(
        "a crafted POST needs no permission",
        "admin/acts.py",
        "invoice = self.permitted(request, pk, may(request.user, Act.SETTLE))",
        'invoice = self.permitted(request, pk, request.method == "POST" or may(request.user, Act.SETTLE))',
        ("admin/test_roles.py::test_a_crafted_post_with_all_it_needs_still_needs_the_permission",),
    ),
    Bug(
        "the API refunds an overage to somebody who may only settle",
        "api/acts.py",
        'if asked["refund_overage"] and not may(request.user, Act.REFUND):',
        "if False:",
        ("api/test_acts.py::test_without_one_of_the_permissions_nothing_happens",),
    ),
    Bug(
        "the repr of an account shows a secret",
        "conf.py",
        "    api_secret: str = field(repr=False)\n",
        "    api_secret: str\n",
        ("test_conf.py::test_an_account_is_read_with_its_secrets_and_shows_none",),
    ),
    Bug(
        "an echo of the gateway shows a secret",
        "gateway/calls.py",
        "for secret in (signature, self._api_secret, self._api_key):",
        "for secret in (signature,):",
        ("gateway/test_calls.py::test_no_error_log_line_or_trace_shows_a_secret",),
    ),
)
