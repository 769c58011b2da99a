"""Mistakes in the mails to customers: twice, never, too late, to somebody else, or at the cost of a payment."""

from __future__ import annotations

from .bug import Bug

SENDING = "mails/test_sending.py::"
MESSAGE = "mails/test_message.py::"
HEARING = "services/test_hearing.py::"

BUGS = (
    Bug(
        "two workers send the same mail",
        "services/events/send_mails.py",
        "        stopped = self._count(begun_at)\n",
        "        stopped = None\n",
        ("mails/test_race.py::test_two_workers_send_a_mail_once",),
    ),
    Bug(
        "a mail about a quarantined invoice is sent",
        "services/events/withholding.py",
        "filter(is_true(), free, pk=",
        "filter(is_true(), pk=",
        (f"{SENDING}test_about_a_quarantined_invoice_no_mail_of_any_kind_is_sent",),
    ),
    Bug(
        "a mail of which the customer was told is sent again",
        "services/events/send_mails.py",
        "or sent is None or sent.exists():",
        "or sent is None:",
        (f"{SENDING}test_a_payment_that_waits_for_a_person_is_told_once_for_each_reason",),
    ),
    Bug(
        "a slow mail server makes another process send the same mail",
        "services/events/send_mails.py",
        "        lease=LEASE,\n",
        "",
        (f"{SENDING}test_a_process_that_ends_while_it_sends_leaves_the_mail_to_a_later_one",),
    ),
    Bug(
        "a mail that fails leaves by itself only after the lease",
        "services/events/send_mails.py",
        '        self.store_failure("".join(traceback.format_exception(error)))\n',
        "",
        (f"{SENDING}test_a_mail_server_that_is_away_delays_the_mail_and_nothing_else",),
    ),
    Bug(
        "a request sends mails as if they were handlers",
        "services/events/call_handlers.py",
        "_pending(HandlerDelivery.objects.primary()).exclude(handler=CUSTOMER_MAIL)",
        "_pending(HandlerDelivery.objects.primary())",
        (f"{SENDING}test_requests_and_deliveries_leave_mails_to_the_worker",),
    ),
    Bug(
        "a mail that is owed counts as a handler of the shop",
        "services/events/send_signals.py",
        "event.deliveries.exclude(handler=CUSTOMER_MAIL).exists()",
        "event.deliveries.exists()",
        (f"{HEARING}test_a_handler_of_another_process_gets_an_event_of_which_only_a_mail_was_owed",),
    ),
    Bug(
        "a mail says what is over",
        "mails/choose_mail.py",
        '"" if progress.state is state else None',
        '""',
        (f"{SENDING}test_the_chore_finds_what_has_expired_by_itself",),
    ),
    Bug(
        "each payment of several is told, with the same amount",
        "mails/choose_mail.py",
        "return str(newest.pk) if",
        "return str(event.payment_id) if",
        (f"{SENDING}test_of_several_payments_one_mail_says_what_is_missing_now",),
    ),
    Bug(
        "a refund to the shop's own account is told to the customer",
        "mails/choose_mail.py",
        " or not refund.address",
        "",
        (f"{SENDING}test_a_refund_to_the_shops_own_account_is_no_news_for_the_customer",),
    ),
    Bug(
        "an invoice that was left behind is told to have expired",
        "mails/choose_mail.py",
        " and not is_left else None",
        " else None",
        (f"{SENDING}test_an_invoice_that_was_left_behind_for_another_coin_expires_in_silence",),
    ),
    Bug(
        "an invoice counts as expired before the gateway was asked",
        "services/invoices/expired_mail_events.py",
        '        polled_at__gt=F("expires_at"),\n',
        "",
        (f"{SENDING}test_an_expired_invoice_is_told_once_the_gateway_was_asked",),
    ),
    Bug(
        "the log names the customer's address",
        "services/events/send_mails.py",
        "reason, extra=dict(self.fields))",
        "reason, exc_info=error, extra=dict(self.fields))",
        (f"{SENDING}test_the_log_names_no_address",),
    ),
    Bug(
        "a mail that is sent again has another id",
        "mails/message.py",
        "uuid.uuid5(invoice.pk, self.once).hex",
        "uuid.uuid4().hex",
        (f"{MESSAGE}test_it_has_the_same_id_each_time_and_another_than_other_mails",),
    ),
    Bug(
        "one mail that fails ends the round",
        "services/events/send_mails.py",
        "        except Exception as error:  # noqa: BLE001\n            return self._failed(error)\n",
        "",
        (f"{SENDING}test_a_template_that_fails_holds_back_its_own_mail_only",),
    ),
    Bug(
        "the subject takes a line break from a name",
        "mails/message.py",
        'subject=" ".join(self._plain("subject.txt", context).split())',
        'subject=self._plain("subject.txt", context)',
        (f"{MESSAGE}test_a_name_on_two_lines_makes_no_header_of_its_own",),
    ),
)
