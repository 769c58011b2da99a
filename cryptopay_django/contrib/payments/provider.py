"""The provider for PAYMENT_VARIANTS, and the page on which customers choose a coin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from payments import PaymentError, PaymentStatus, RedirectNeeded, get_payment_model
from payments.core import BasicProvider, get_base_url, provider_factory
from payments.models import BasePayment

from ...adapters import PayOrderView, invoices_of
from ...exceptions import CryptopayError
from ...models import Invoice, InvoiceStatus
from ...services import Offer
from .books import BOOKED, payments

PAY = "cryptopay_payments_pay"
_PAYABLE = (PaymentStatus.WAITING, PaymentStatus.INPUT, PaymentStatus.ERROR)


class PayPayment(PayOrderView):
    """Let the customer choose a coin for a payment, or go on at once in the provider's coin."""

    orders = payments
    provider: CryptopayProvider

    def find_order(self) -> BasePayment:
        payment = get_object_or_404(get_payment_model(), token=self.kwargs["token"])
        try:
            self.provider = provider_factory(payment.variant, payment)
        except ValueError as error:
            raise Http404(str(error)) from error
        if not isinstance(self.provider, CryptopayProvider):
            raise Http404("this payment is made in another way")
        self.take_coin_of(self.provider)
        return payment

    def get_closed_url(self, order: BasePayment) -> str:
        return self.provider.get_closed_url(order)

    def get_invoice_options(self, order: BasePayment) -> dict[str, Any]:
        return self.provider.get_invoice_options(order)

    def create(self, order: BasePayment, offer: Offer) -> Invoice:
        """Create the invoice, and note its key as the payment's `transaction_id`."""
        invoice = super().create(order, offer)
        order._meta.model._default_manager.filter(pk=order.pk).update(transaction_id=str(invoice.pk))
        return invoice


class CryptopayProvider(BasicProvider):
    """Takes payments in coins. Without `pay_currency` the customer chooses the coin. Coins cannot be reserved."""

    def __init__(
        self, *, account: str | None = None, pay_currency: str | None = None, network: str | None = None
    ) -> None:
        self.account, self.pay_currency, self.network = account, pay_currency, network
        super().__init__()

    # What a shop may override.

    def get_pay_url(self, payment: BasePayment) -> str:
        """Return the URL of the page where a customer pays, also after an invoice has expired."""
        return f"{get_base_url()}{reverse(PAY, args=[payment.token])}"

    def get_invoice_options(self, payment: BasePayment) -> dict[str, Any]:
        """Return further arguments of `create_invoice`."""
        return {
            "name": payment.description[:255],
            "payer_email": payment.billing_email,
            "success_redirect_url": self.get_return_url(payment),
            "unsuccess_redirect_url": self.get_pay_url(payment),
        }

    def get_refund_address(self, payment: BasePayment, invoice: Invoice) -> dict[str, Any] | None:
        """Return `address` and, where it needs one, `tag`, if the shop knows where the customer wants the coins."""
        return None

    # What django-payments calls.

    def get_closed_url(self, payment: BasePayment) -> str:
        """Return where a customer belongs whose payment is not to be paid any more; empty if it is."""
        if payment.status in _PAYABLE:
            return ""
        is_paid = payment.status in (PaymentStatus.CONFIRMED, PaymentStatus.PREAUTH)
        return str(payment.get_success_url() if is_paid else payment.get_failure_url())

    def get_form(self, payment: BasePayment, data: Any = None) -> NoReturn:
        """Raise RedirectNeeded to the page where the customer pays, or to the shop's if the payment has ended."""
        raise RedirectNeeded(self.get_closed_url(payment) or self.get_pay_url(payment))

    def process_data(self, payment: BasePayment, request: HttpRequest) -> HttpResponse:
        """Redirect a customer who comes back: to the payment page as long as the payment is on its way."""
        view = PayPayment()
        under_way = view.get_payment_under_way(payment)
        if payment.status == PaymentStatus.CONFIRMED or under_way is None:
            return HttpResponseRedirect(self.get_closed_url(payment) or payment.get_failure_url())
        if under_way.status == InvoiceStatus.COMPLETED and not under_way.quarantine_reason:
            return HttpResponseRedirect(payment.get_success_url())
        return HttpResponseRedirect(view.get_success_url(under_way))

    def get_token_from_request(self, payment: BasePayment | None, request: HttpRequest) -> NoReturn:
        """Refuse callbacks here: the gateway posts them to the URL of `cryptopay_django`."""
        raise PaymentError("set the callback URL of the Cryptopay account to that of cryptopay_django", code=404)

    def refund(self, payment: BasePayment, amount: Decimal | None = None) -> Decimal:
        """Send coins back and return the amount; raise PaymentError if nothing was sent, or not all of it."""
        invoices = [one for one in invoices_of(payment) if one.price_currency == payment.currency]
        try:
            sent = payments.send_back(payment, amount, invoices=invoices, reason="refund of the payment")
        except CryptopayError as error:
            raise PaymentError(str(error)) from error
        # BasePayment.refund() subtracts the amount next, and saves every field.
        payment.refresh_from_db(fields=[*BOOKED, "transaction_id"])
        payment.captured_amount += sent
        return sent

    def cancel(self, payment: BasePayment) -> None:
        """Allow the shop to cancel a payment for which nothing has come in; else raise PaymentError.

        Locks the payment: in a transaction of the caller, nothing is booked on it before that is committed. The
        gateway cannot take back an address. If a cancelled payment is paid after all, it is confirmed, for review.
        """
        view = PayPayment(only_missing=False)  # the rest of a short settlement may be missing, but money has come in
        with payments.locked(payment) as row:
            if row is not None and row.status not in (PaymentStatus.WAITING, PaymentStatus.INPUT):
                raise PaymentError(f"the payment cannot be cancelled any more: it was {row.status} meanwhile")
            if under_way := view.get_payment_under_way(payment):
                raise PaymentError(f"money has come in for invoice {under_way.custom_id}: settle or refund it first")
