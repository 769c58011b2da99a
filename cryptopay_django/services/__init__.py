"""The verbs. Everything that changes an invoice is one of these, and what asks about one without changing it."""

from .accounts import resolve_account
from .callbacks import process_callback, receive_callback
from .checkout import create_invoice
from .delivery import deliver_events
from .diagnosis import diagnose
from .ending import end_resolution
from .missing import MissingInvoice, find_missing_invoices
from .notices import Notice, mail_notice, send_notices
from .offers import find_offer, list_offers
from .overdue import process_overdue, process_stored
from .progress import read_progress
from .quotes import SettlementQuote, quote_settlement
from .reconciliation import reconcile_invoices, refresh_invoice
from .redelivery import deliver_again
from .release import release_invoice
from .resolution import approve_resolution, refund_invoice, settle_invoice, withdraw_resolution
from .resolvable import check_resolvable, needs_second_person
from .resolver import resolve_pending_resolutions, resolve_unknown
from .restoring import restore_invoice
from .retention import erase_customer, prune_records
from .rounds import reconcile_in_turn
from .working import work, work_once

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
