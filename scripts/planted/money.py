"""Mistakes in what is asked of the gateway and what staff decide: creation, settlements, permissions, secrets."""

from __future__ import annotations

from .bug import Bug

UNKNOWN = "services/test_unknown.py::"
ENDING, COMPARED = "services/test_ending.py::", "services/test_compared.py::"
SETTLE = "services/test_settle.py::"
REFUND_ROWS = "services/test_refund_rows.py::"
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
        "services/invoices/place_at_gateway.py",
        "            found = _look_for(invoice, error)\n",
        "            again = {name: value for name in _SENT if (value := getattr(invoice, name))}\n"
        "            again |= {'custom_id': f'{invoice.custom_id}-2'}\n"
        "            return client_of(invoice).create_invoice(**again)\n",
        ("services/test_checkout.py::test_an_unclear_answer_after_the_effect_finds_the_invoice_that_was_made",),
    ),
    Bug(
        "a try that was never sent says of an earlier one that nothing was made",
        "services/invoices/place_at_gateway.py",
        "        if is_clear and isinstance(error, GatewayRefusedError):\n",
        "        if is_clear:\n",
        ("services/test_checkout.py::test_a_second_try_that_is_never_sent_leaves_the_first_one_unclear",),
    ),
    Bug(
        "a custom_id that was used before gets the invoice of another order",
        "services/invoices/place_at_gateway.py",
        "    if not same or not _has_order(standing, order):",
        "    if False:",
        ("services/test_checkout.py::test_the_same_custom_id_for_another_order_is_refused",),
    ),
    Bug(
        "a custom_id that was used before gets the invoice of an order of another model",
        "services/invoices/place_at_gateway.py",
        "    return invoice.order_content_type_id in types and invoice.order_object_id",
        "    return invoice.order_object_id",
        ("services/test_orders.py::test_the_same_custom_id_for_an_order_of_another_model_is_refused",),
    ),
    Bug(
        "what is found under our custom_id is adopted without a proof",
        "services/snapshots/compare.py",
        "    return snapshot.custom_id == invoice.custom_id and key in (",
        "    return True or key in (",
        ("services/test_checkout.py::test_what_was_made_for_a_row_that_is_gone_is_not_adopted",),
    ),
    Bug(
        "a request that could not connect deletes a row that another one has taken up",
        "services/invoices/place_at_gateway.py",
        "row.gateway_id is None and row.version == invoice.version:",
        "row.gateway_id is None:",
        ("services/test_orders.py::test_a_request_that_fails_to_connect_takes_no_row_from_the_one_that_came_second",),
    ),
    Bug(
        "an order with money under way gets a second invoice",
        "services/invoices/current.py",
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
        "services/resolution/quote.py",
        "return now >= self.expires_at",
        "return False",
        (f"{SETTLE}test_an_expired_quote_is_not_sent",),
    ),
    Bug(
        "no answer to a refund means that it failed",
        "services/resolution/execution.py",
        "        if row.status == ResolutionStatus.SENT and error.outcome_unknown:\n"
        "            lose_track_locked(row, why, at=now)\n"
        "        elif row.status in UNDECIDED and not error.outcome_unknown:\n",
        "        if row.status in UNDECIDED:\n",
        (f"{UNKNOWN}test_a_call_that_had_its_effect_is_found_and_never_made_again",),
    ),
    Bug(
        "no trace of a refund means that it failed, though it may be accepted and still unseen",
        "services/resolution/verdicts.py",
        'return Outcome(Verdict.OPEN, f"no trace of it',
        'return Outcome(Verdict.NOT_DONE, f"no trace of it',
        (f"{UNKNOWN}test_a_call_of_which_nothing_is_there_stays_open_until_a_person_ends_it",),
    ),
    Bug(
        "an accepted refund is done before the invoice is final",
        "services/resolution/verdicts.py",
        "        if is_final:\n            return Outcome(Verdict.DONE",
        "        if state:\n            return Outcome(Verdict.DONE",
        ("services/test_outcomes.py::test_with_proof_it_is_done_when_the_invoice_is_final_and_not_before",),
    ),
    Bug(
        "a person may end a refund that is still on its way",
        "services/resolution/end_by_hand.py",
        "ENDABLE_AFTER = timedelta(minutes=20)",
        "ENDABLE_AFTER = timedelta(0)",
        (f"{ENDING}test_before_twenty_minutes_nobody_can_end_it",),
    ),
    Bug(
        "what a person has ended is not looked for before the next one",
        "services/resolution/execution.py",
        "        resolve_unknown(ended)\n",
        "",
        (f"{ENDING}test_the_next_refund_looks_for_the_ended_one_first",),
    ),
    Bug(
        "a call leaves although it was marked sent long ago",
        "gateway/calls.py",
        "        if age > MARK_LIFE:\n",
        "        if age > MARK_LIFE * 1000000:\n",
        ("gateway/test_answers.py::test_a_call_whose_mark_is_old_by_either_clock_does_not_leave",),
    ),
    Bug(
        "a call is signed with the moment of sending, not with that of its mark",
        "gateway/calls.py",
        'headers={"Date": http_date(call.mark.at)} if call.mark else None',
        "headers=None",
        ("gateway/test_answers.py::test_a_call_is_signed_with_the_moment_of_its_mark",),
    ),
    Bug(
        "a proxy's page is taken for a refusal",
        "gateway/answers.py",
        "return not is_gateways or self.status in _GIVEN_UP_WAITING",
        "return self.status in _GIVEN_UP_WAITING",
        ("gateway/test_answers.py::test_a_page_without_the_gateways_error_leaves_it_open_whether_a_call_took_effect",),
    ),
    Bug(
        "where the coins went is not compared with where they were to go",
        "services/resolution/verdicts.py",
        '    if not is_same_place(asked.get("address"), refund.address):\n',
        "    if False:\n",
        (f"{COMPARED}test_a_refund_that_is_not_as_asked_is_an_alarm",),
    ),
    Bug(
        "what was credited is not compared with the quote",
        "services/resolution/execution.py",
        "        odd = oddities_of_commit(row, made)\n",
        "        odd = oddities_of_commit(row, made)[:0]\n",
        (f"{COMPARED}test_a_settlement_that_is_not_as_quoted_is_an_alarm",),
    ),
    Bug(
        "a tag beside the address is left out",
        "gateway/tags.py",
        '    return f"{plain}?dt={_number(wanted)}"\n',
        "    return plain\n",
        ("services/test_tags.py::test_the_tag_goes_out_as_the_gateway_spells_it",),
    ),
    Bug(
        "a permission counts that was taken away meanwhile",
        "services/resolution/people.py",
        "    if not may(_fresh(person.user), *acts):\n",
        "    if not may(person.user, *acts):\n",
        ("services/test_people.py::test_a_permission_that_is_taken_away_meanwhile_counts",),
    ),
    Bug(
        "a refund of before is taken for this one",
        "services/resolution/verdicts.py",
        "new = [refund for refund in refunds if str(refund.id) not in resolution.known_refund_ids]",
        "new = list(refunds)",
        (f"{UNKNOWN}test_refunds_of_before_are_not_taken_for_this_one",),
    ),
    Bug(
        "a refund to anywhere is taken for this one",
        "services/resolution/verdicts.py",
        'if is_same_place(asked.get("address"), refund.address, with_tags=False)]',
        "]",
        (f"{UNKNOWN}test_a_refund_that_somebody_else_made_to_another_place_is_not_ours",),
    ),
    Bug(
        "the row is locked, and the stale one used",
        "services/resolution/execution.py",
        "        row = lock_resolution(resolution)\n        if row.status != ResolutionStatus.PLANNED",
        "        lock_resolution(resolution)\n"
        "        row = resolution\n"
        "        if row.status != ResolutionStatus.PLANNED",
        (f"{UNKNOWN}test_a_process_that_wakes_up_after_its_plan_was_given_up_sends_nothing",),
    ),
    Bug(
        "the invoice that a person saw may have changed",
        "services/resolution/execution.py",
        "    if expected_version is not None and invoice.version != expected_version:\n",
        "    if expected_version is not None and invoice.version < expected_version:\n",
        (f"{SETTLE}test_an_invoice_that_is_not_the_one_that_was_shown_is_not_touched",),
    ),
    Bug(
        "a refund to an address goes to the own account",
        "services/resolution/actions.py",
        '"refund_overage": False, "address": place,',
        '"refund_overage": False, "address": None,',
        (f"{SETTLE}test_a_refund_goes_to_the_own_account_or_to_the_address",),
    ),
    Bug(
        "an address of another network is sent coins",
        "services/resolution/actions.py",
        "    check_address(address, invoice.network, testnet=False if is_production else None)\n",
        "",
        (f"{SETTLE}test_an_address_of_another_network_or_with_a_slip_is_refused_before_anything_is_sent",),
    ),
    Bug(
        "a payment on hold can be settled",
        "services/resolution/rules.py",
        "if invoice.status_context == StatusContext.ILLICIT_RESOURCE:",
        "if False:",
        (f"{SETTLE}test_what_is_on_hold_is_refused_and_says_whom_to_contact",),
    ),
    Bug(
        "a quarantined invoice can be settled",
        "services/resolution/rules.py",
        "    if invoice.quarantine_reason:\n",
        "    if invoice.quarantine_reason is None:\n",
        (f"{SETTLE}test_what_may_not_be_resolved_says_why",),
    ),
    Bug(
        "whoever planned it may approve it",
        "services/resolution/actions.py",
        "if approver is not None and approver.is_same(resolution.actor, resolution.actor_user_id):",
        "if approver is not None and not approver:",
        (f"{FOUR_EYES}test_nobody_confirms_their_own",),
    ),
    Bug(
        "an approval of what has changed since is sent",
        "services/resolution/actions.py",
        "        changes = _changes(locked)\n",
        '        changes = ""\n',
        (f"{FOUR_EYES}test_what_was_decided_on_must_still_be_so",),
    ),
    Bug(
        "what was paid does not count towards two pairs of eyes",
        "services/resolution/rules.py",
        "worth is None or max(invoice.price_amount, worth) > limit",
        "worth is None or invoice.price_amount > limit",
        (f"{FOUR_EYES}test_what_was_ordered_or_paid_decides_whether_two_are_needed",),
    ),
    Bug(
        "one person is enough where nobody knows what was paid",
        "services/resolution/rules.py",
        "worth is None or max(invoice.price_amount, worth) > limit",
        "worth is not None and max(invoice.price_amount, worth) > limit",
        ("services/test_people.py::test_where_the_worth_is_not_known_two_people_are_asked",),
    ),
    Bug(
        "two people are told apart by name alone",
        "services/resolution/people.py",
        "        if self.user_id and user_id:\n",
        "        if self.user_id and not user_id:\n",
        ("services/test_people.py::test_a_renamed_user_is_still_the_same_person",),
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
        "conf/accounts.py",
        "    api_secret: str = field(repr=False)\n",
        "    api_secret: str\n",
        ("conf/test_accounts.py::test_an_account_is_read_with_its_secrets_and_shows_none",),
    ),
    Bug(
        "an echo of the gateway shows a secret",
        "gateway/calls.py",
        "for secret in (signature, self._api_secret, self._api_key):",
        "for secret in (signature,):",
        ("gateway/test_calls.py::test_no_error_log_line_or_trace_shows_a_secret",),
    ),
    Bug(
        "a refund that the list shows again gets a second row",
        "services/snapshots/refund_rows.py",
        "        row = rows.get(one.id)\n",
        "        row = None\n",
        (f"{REFUND_ROWS}test_every_return_of_money_is_one_row_with_its_figures",),
    ),
    Bug(
        "an overage that went back is not looked for",
        "services/snapshots/refund_rows.py",
        "        return snapshot.paid_amount > snapshot.pay_amount\n",
        "        return False\n",
        (f"{REFUND_ROWS}test_every_return_of_money_is_one_row_with_its_figures",),
    ),
    Bug(
        "a list that lags makes a refund fail",
        "services/resolution/follow_refunds.py",
        "        if is_over or is_taken_back:\n",
        "        if True:\n",
        (f"{REFUND_ROWS}test_a_refund_that_is_gone_at_the_gateway_has_failed",),
    ),
    Bug(
        "a refund whose call is under way is taken for the account's own",
        "services/snapshots/refund_rows.py",
        "            if decision is None and any(map(_is_under_way, decisions)):\n",
        "            if False:\n",
        (f"{REFUND_ROWS}test_a_callback_before_the_answer_waits_for_whose_refund_it_is",),
    ),
)
