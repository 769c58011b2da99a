"""Exports the services: all functions that change an invoice, and the functions that only read one.

    invoices/        creating one for an order, the coin choice, what the customer sees
    channels/        lasting addresses for top-ups, and the payments on them
    callbacks/       receiving, duplicates, processing
    snapshots/       how a report of the gateway becomes a change of our row
    events/          the outbox, its delivery and retries, notices to staff
    payment_links/   links by which customers pay without an order of the shop
    resolution/      settle, refund and release: rules, two people, the call, its outcome
    reconciliation/  asking the gateway without a callback
    statements/      the books of an account: kept, checked, closed; statements as files and by mail
    worker/          claiming what is due, and the loop
    dispatch/        waking a worker, enqueueing a task
    diagnosis/       the doctor, health, metrics

In files of their own: `accounts.py`, `shared_rate_limit.py` (the gateway's 200 calls a minute, for all processes),
`rate_limit_by_use.py` (how many of these calls buttons may use), `gateway_ledger.py` (balances and ledger, for the
admin), `retention.py` (deletes old records and personal data), `personal_data.py` (finds a customer in stored
callbacks, payment links and log lines).
"""

from .accounts import resolve_account, try_credentials
from .callbacks.process import process_callback
from .callbacks.receive import receive_callback
from .channels.create import create_channel
from .channels.owner_state import read_channel_progress
from .channels.release_payment import release_channel_payment
from .channels.switch import disable_channel, enable_channel, refresh_channel, refresh_channel_payment
from .diagnosis import diagnose
from .events.deliver import deliver_events
from .events.deliver_again import deliver_again
from .events.notice_items import Notice
from .events.notices import mail_notice, send_notices
from .invoices.coin_offers import Offer, find_offer, list_offers
from .invoices.create import create_invoice
from .invoices.customer_state import read_progress
from .invoices.summary import PaymentSummary, payment_summary
from .payment_links.create import cancel_payment_link, create_payment_link
from .reconciliation.compare_ledger import LedgerComparison, compare_ledger
from .reconciliation.ledger_differences import LedgerDifference
from .reconciliation.missing_invoices import MissingInvoice, find_missing_invoices
from .reconciliation.reconcile_channels import read_channel, reconcile_channels
from .reconciliation.reconcile_invoices import reconcile_invoices, refresh_invoice
from .reconciliation.restore_invoice import restore_invoice
from .reconciliation.schedule import reconcile_channels_in_turn, reconcile_in_turn
from .resolution.approval import approve_resolution, withdraw_resolution
from .resolution.end_by_hand import end_resolution
from .resolution.refund_destination import check_refund_address
from .resolution.refund_links import MadeLink, make_refund_link, name_refund_address, named_refund_address
from .resolution.refund_quote import FeeBearer, RefundQuote, left_to_refund, quote_again, quote_refund
from .resolution.release import release_invoice
from .resolution.rules import check_resolvable, check_returnable, needs_second_person
from .resolution.settle_and_refund import refund_invoice, settle_invoice
from .resolution.settlement_quote import SettlementQuote, quote_settlement
from .resolution.unknown_outcome import resolve_pending_resolutions, resolve_unknown
from .retention import erase_customer, prune_records
from .statements.close_period import adjust_books, close_period, verify_period
from .statements.file_formats import write_statement
from .statements.keep_books import BooksCheck, begin_books, find_books, keep_books
from .statements.mail_statement import find_staff, mail_statement
from .statements.periods import Period, named_period
from .statements.statement import Statement, read_statement
from .worker.due_work import process_overdue, process_stored
from .worker.loop import work, work_once

__all__ = [
    "BooksCheck",
    "FeeBearer",
    "LedgerComparison",
    "LedgerDifference",
    "MadeLink",
    "MissingInvoice",
    "Notice",
    "Offer",
    "PaymentSummary",
    "Period",
    "RefundQuote",
    "SettlementQuote",
    "Statement",
    "adjust_books",
    "approve_resolution",
    "begin_books",
    "cancel_payment_link",
    "check_refund_address",
    "check_resolvable",
    "check_returnable",
    "close_period",
    "compare_ledger",
    "create_channel",
    "create_invoice",
    "create_payment_link",
    "deliver_again",
    "deliver_events",
    "diagnose",
    "disable_channel",
    "enable_channel",
    "end_resolution",
    "erase_customer",
    "find_books",
    "find_missing_invoices",
    "find_offer",
    "find_staff",
    "keep_books",
    "left_to_refund",
    "list_offers",
    "mail_notice",
    "mail_statement",
    "make_refund_link",
    "name_refund_address",
    "named_period",
    "named_refund_address",
    "needs_second_person",
    "payment_summary",
    "process_callback",
    "process_overdue",
    "process_stored",
    "prune_records",
    "quote_again",
    "quote_refund",
    "quote_settlement",
    "read_channel",
    "read_channel_progress",
    "read_progress",
    "read_statement",
    "receive_callback",
    "reconcile_channels",
    "reconcile_channels_in_turn",
    "reconcile_in_turn",
    "reconcile_invoices",
    "refresh_channel",
    "refresh_channel_payment",
    "refresh_invoice",
    "refund_invoice",
    "release_channel_payment",
    "release_invoice",
    "resolve_account",
    "resolve_pending_resolutions",
    "resolve_unknown",
    "restore_invoice",
    "send_notices",
    "settle_invoice",
    "try_credentials",
    "verify_period",
    "withdraw_resolution",
    "work",
    "work_once",
    "write_statement",
]
