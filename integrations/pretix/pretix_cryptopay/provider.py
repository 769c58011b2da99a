"""The payment method, as pretix asks for it: settings, checkout, state of a payment, refunds."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pretix.base.models import Order, OrderPayment, OrderRefund
from pretix.base.payment import BasePaymentProvider, PaymentException
from pretix.base.settings import SettingsSandbox

from cryptopay_django.adapters import reason_of
from cryptopay_django.models import Invoice
from cryptopay_django.services import find_offer

from . import refunds, settings_form
from .accounts import NOT_DONE, account_name
from .checkout import IDENTIFIER, begin_payment, has_money, invoice_of, order_url

SESSION_KEY = "payment_cryptopay_coin"


class Cryptopay(BasePaymentProvider):
    """Pays with a coin. The invoice is made when the order is placed, and shown on the page of the order."""

    identifier = IDENTIFIER
    verbose_name = gettext_lazy("Crypto payments through Cryptopay")
    public_name = gettext_lazy("Bitcoin and other coins")
    test_mode_message = gettext_lazy(
        "In test mode you pay with coins that have no value, in the sandbox of Cryptopay."
    )
    abort_pending_allowed = True
    settings: SettingsSandbox

    # Settings.

    @property
    def settings_form_fields(self) -> dict[str, Any]:
        """The fields of pretix' form, after those of every payment method."""
        return OrderedDict([*super().settings_form_fields.items(), *settings_form.fields_of(self.event).items()])

    def settings_form_clean(self, cleaned_data: dict[str, Any]) -> dict[str, Any]:
        """Try new credentials at the gateway. Raises ValidationError if it refuses them."""
        return settings_form.checked(self.event, cleaned_data)

    def settings_content_render(self, request: HttpRequest) -> str:
        """Return the callback URLs, to be entered at the gateway, and whether callbacks arrive."""
        return _render("settings.html", request, {"modes": settings_form.modes_of(self.event)})

    @property
    def is_enabled(self) -> bool:
        """Whether it is switched on and has credentials for the mode that the event is in now."""
        return super().is_enabled and settings_form.has_account(self.event, testmode=self.event.testmode)

    def order_change_allowed(self, order: Order, request: HttpRequest | None = None) -> bool:
        """Return whether an order can be paid with this method: not without credentials for its own mode."""
        is_allowed = super().order_change_allowed(order, request)
        return is_allowed and settings_form.has_account(self.event, testmode=order.testmode)

    # Checkout.

    def payment_form_render(self, request: HttpRequest, total: Decimal, order: Order | None = None) -> str:
        """Return the choice of a coin."""
        context = {
            "total": total,
            "currency": self.event.currency,
            "account": self._account(order),
            "chosen": request.session.get(SESSION_KEY, ""),
        }
        return _render("choice.html", request, context)

    def checkout_prepare(self, request: HttpRequest, cart: dict[str, Any]) -> bool:
        """Keep the chosen coin in the session."""
        return self._keep_choice(request, self._account())

    def payment_prepare(self, request: HttpRequest, payment: OrderPayment) -> bool:
        """Keep the chosen coin for a payment that is tried again."""
        return self._keep_choice(request, self._account(payment.order))

    def payment_is_valid_session(self, request: HttpRequest) -> bool:
        """Return whether a coin is chosen."""
        return bool(request.session.get(SESSION_KEY))

    def checkout_confirm_render(self, request: HttpRequest, order: Order | None = None, info_data: Any = None) -> str:
        """Return the chosen coin, and what happens next."""
        try:
            offer = find_offer(request.session.get(SESSION_KEY, ""), account=self._account(order))
        except NOT_DONE:
            offer = None  # the gateway is down: placing the order says so, and lets the customer try again
        return _render("confirm.html", request, {"offer": offer})

    def execute_payment(self, request: HttpRequest, payment: OrderPayment) -> str:
        """Make the invoice; return the URL of the order, whose page shows where to pay."""
        begin_payment(payment, request.session.get(SESSION_KEY, ""))
        return order_url(payment.order)

    def payment_pending_render(self, request: HttpRequest, payment: OrderPayment) -> str:
        """Return the panel that says what to send and where, and follows the payment."""
        return _render("pending.html", request, {"invoice": invoice_of(payment)})

    def _payment_abort_pending_allowed(self, payment: OrderPayment) -> bool:
        """Return whether the customer may pay in another way: not while money for this payment is on its way."""
        return not has_money(payment)

    # Staff.

    def payment_control_render(self, request: HttpRequest, payment: OrderPayment) -> str:
        """Return the invoices of a payment, with a link to decide about those that need it."""
        rows = Invoice.objects.for_order(payment).prefetch_related("payments", "refunds")
        invoices = [(row, row.status_context and reason_of(row)) for row in rows]
        return _render("control_payment.html", request, {"payment": payment, "invoices": invoices})

    def refund_control_render(self, request: HttpRequest, refund: OrderRefund) -> str:
        """Return where the coins of a refund go, and how far they are."""
        return _render("control_refund.html", request, {"asked": refund.info_data, "sent": refunds.sent_for(refund)})

    def api_payment_details(self, payment: OrderPayment) -> dict[str, Any]:
        """Return what the REST API of pretix shows of a payment."""
        rows = Invoice.objects.for_order(payment)
        return {"invoices": [{"id": str(row.pk), "status": row.status, "coin": row.pay_currency} for row in rows]}

    # Refunds.

    def payment_refund_supported(self, payment: OrderPayment) -> bool:
        """Return whether pretix can refund without asking: the customer has named an address."""
        return refunds.place_of(payment) is not None

    def payment_partial_refund_supported(self, payment: OrderPayment) -> bool:
        """Return the same: an amount can be sent back as well as everything."""
        return self.payment_refund_supported(payment)

    def new_refund_control_form_render(self, request: HttpRequest, order: Order) -> str:
        """Return the form for the address of a refund, if there is a payment that can be sent back."""
        payments = refunds.returnable_payments(order)
        asked = {name: request.POST.get(f"cryptopay-{name}", "") for name in ("address", "tag")}
        return _render("refund_form.html", request, {"payments": payments, "asked": asked}) if payments else ""

    def new_refund_control_form_process(self, request: HttpRequest, amount: Decimal, order: Order) -> OrderRefund:
        """Return the refund that staff asked for. Raises ValidationError."""
        return refunds.asked_by_staff(request.POST, amount, order)

    def execute_refund(self, refund: OrderRefund) -> None:
        """Send coins back once pretix has committed the refund. Raises PaymentException without an address."""
        refunds.start(refund)

    def shred_payment_info(self, obj: OrderPayment | OrderRefund) -> None:
        """Keep the ids of invoices: they are not about a person, and booking once depends on them."""
        kept = {key: value for key, value in obj.info_data.items() if key not in ("address", "tag")}
        obj.info_data = kept
        obj.save(update_fields=["info"])

    def cancel_payment(self, payment: OrderPayment) -> None:
        """Cancel a payment, unless money for it is on its way. Raises PaymentException."""
        if has_money(payment):
            raise PaymentException(_("Coins for this payment are on their way, so it cannot be canceled now."))
        super().cancel_payment(payment)

    def _account(self, order: Order | None = None) -> str:
        return account_name(self.event, testmode=self.event.testmode if order is None else order.testmode)

    def _keep_choice(self, request: HttpRequest, account: str) -> bool:
        choice = request.POST.get("coin", "")
        try:
            offer = find_offer(choice, account=account)
        except NOT_DONE:
            messages.error(request, _("The coins cannot be listed at the moment. Please try again."))
            return False
        if offer is None:
            messages.error(request, _("Please choose one of these coins."))
            return False
        request.session[SESSION_KEY] = choice
        return True


def _render(name: str, request: Any, context: dict[str, Any]) -> str:
    template = get_template(f"pretix_cryptopay/{name}")
    return template.render({"request": request, "event": request.event, **context}, request=request)
