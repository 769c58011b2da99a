"""The verbs: all functions that change an invoice, and those that only ask about one.

    invoices/        creating one for an order, the coin choice, what the customer sees
    callbacks/       receiving, duplicates, processing
    snapshots/       how a report of the gateway becomes a change of our row
    events/          the outbox, its delivery and retries, notices to staff
    resolution/      settle, refund and release: rules, two people, the call, its outcome
    reconciliation/  asking the gateway without a callback
    worker/          claiming what is due, and the loop
    dispatch/        waking a worker, enqueueing a task
    diagnosis/       the doctor, health, metrics

Beside the rooms: `accounts.py`, `call_budget.py` (the gateway's 200 calls a minute), `retention.py`.
"""

from .accounts import resolve_account
from .callbacks.process import process_callback
from .callbacks.receive import receive_callback
from .diagnosis import diagnose
from .events.deliver_again import deliver_again
from .events.delivery import deliver_events
from .events.notices import Notice, mail_notice, send_notices
from .invoices.create import create_invoice
from .invoices.offers import find_offer, list_offers
from .invoices.progress import read_progress
from .reconciliation.missing import MissingInvoice, find_missing_invoices
from .reconciliation.reconcile import reconcile_invoices, refresh_invoice
from .reconciliation.restore import restore_invoice
from .reconciliation.schedule import reconcile_in_turn
from .resolution.actions import approve_resolution, refund_invoice, settle_invoice, withdraw_resolution
from .resolution.end_by_hand import end_resolution
from .resolution.outcome import resolve_pending_resolutions, resolve_unknown
from .resolution.quote import SettlementQuote, quote_settlement
from .resolution.release import release_invoice
from .resolution.rules import check_resolvable, needs_second_person
from .retention import erase_customer, prune_records
from .worker.loop import work, work_once
from .worker.queue import process_overdue, process_stored

__all__ = [
    "MissingInvoice",
    "Notice",
    "SettlementQuote",
    "approve_resolution",
    "check_resolvable",
    "create_invoice",
    "deliver_again",
    "deliver_events",
    "diagnose",
    "end_resolution",
    "erase_customer",
    "find_missing_invoices",
    "find_offer",
    "list_offers",
    "mail_notice",
    "needs_second_person",
    "process_callback",
    "process_overdue",
    "process_stored",
    "prune_records",
    "quote_settlement",
    "read_progress",
    "receive_callback",
    "reconcile_in_turn",
    "reconcile_invoices",
    "refresh_invoice",
    "refund_invoice",
    "release_invoice",
    "resolve_account",
    "resolve_pending_resolutions",
    "resolve_unknown",
    "restore_invoice",
    "send_notices",
    "settle_invoice",
    "withdraw_resolution",
    "work",
    "work_once",
]
