"""Processes callbacks about withdrawals that refund completed invoices: asks the gateway, and merges its answer.

The custom_id that a resolution gave to the withdrawal, or its id, identifies it. A withdrawal of the shop, or one by
which the gateway sends a refund of its own, stays a callback of another type: `other_types.py`.
"""

from __future__ import annotations

from uuid import UUID

from ...conf import get_account
from ...exceptions import GatewayNotFoundError
from ...gateway.schemas import CallbackMessage
from ...models import Callback, Refund, Resolution
from ..accounts import client_of
from ..resolution.judge_outcome import WITHDRAWAL
from ..resolution.unknown_outcome import take_shown_withdrawal
from ..snapshots.withdrawal_rows import resolution_id_of
from ..time_for_a_call import time_for_a_call

WITHDRAWAL_TYPE = "CoinWithdrawal"


def process_withdrawal_callback(
    callback: Callback, message: CallbackMessage, *, deadline: float | None = None
) -> None:
    """Bring the refund that a callback is about up to date, if it is one of ours, by asking the gateway. Commits.

    What a callback says is not used: it can be old. So it does not matter in which order, and how often, they arrive.
    Raises GatewayError when the gateway does not answer, NoTimeLeftError when it cannot be asked in this request; then
    the callback stays pending.
    """
    data = message.data
    shown_id, custom_id = (value if isinstance(value := data.get(name), str) else "" for name in ("id", "custom_id"))
    decision = _decision_of(callback, shown_id, custom_id)
    if decision is None:
        return
    try:
        shown = client_of(decision.invoice).retrieve_withdrawal(shown_id, timeout=time_for_a_call(deadline))
    except GatewayNotFoundError:
        return
    known = str(shown.id) in (decision.parameters.get("withdrawal_id"), decision.result.get("withdrawal_id"))
    if known or resolution_id_of(shown.custom_id) == decision.pk:
        take_shown_withdrawal(decision, shown, deadline=deadline)


def _decision_of(callback: Callback, shown_id: str, custom_id: str) -> Resolution | None:
    """Return the resolution that made a withdrawal; None where none here did."""
    key, gateway_id = resolution_id_of(custom_id), _uuid(shown_id)
    if gateway_id is None:
        return None
    if key is None:
        refund = Refund.objects.primary().filter(gateway_id=gateway_id).exclude(withdrawal_status="").first()
        key = refund.resolution_id if refund else None
    found = Resolution.objects.primary().select_related("invoice").filter(pk=key).first() if key else None
    if found is None or found.parameters.get("call") != WITHDRAWAL:
        return None
    account = get_account(callback.account)
    is_there = (found.invoice.account, found.invoice.environment) == (account.name, account.environment)
    return found if is_there else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
