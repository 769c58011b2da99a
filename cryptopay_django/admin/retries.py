"""The buttons that deliver an event now: to signals, and to one durable handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from ..exceptions import DeliveryBusyError
from ..models import HandlerDelivery, Invoice, InvoiceEvent
from ..permissions import Act, may
from ..services.events.delivery import deliver_events
from ..services.events.handler_lane import retry_delivery
from ..services.events.signal_lane import retry_event
from ..services.events.withholding import is_withheld

if TYPE_CHECKING:
    from .acts import InvoiceActs as Base
else:
    Base = object


class Retries(Base):
    """Mixed into the admin of invoices."""

    def retry_urls(self) -> list[URLPattern]:
        """Return the URLs of the buttons; none of their views is wrapped into a request's transaction."""
        return [
            path("<uuid:pk>/events/<int:event_id>/retry/", self.act(self.retry_view),
                 name="cryptopay_django_invoice_retry"),
            path("<uuid:pk>/calls/<int:delivery_id>/retry/", self.act(self.retry_call_view),
                 name="cryptopay_django_invoice_retry_call"),
        ]  # fmt: skip

    def retry_view(self, request: HttpRequest, pk: UUID, event_id: int) -> HttpResponse:
        """Try to deliver a signal again, at once. POST only."""

        def revive(invoice: Invoice) -> tuple[InvoiceEvent, bool, str]:
            event = InvoiceEvent.objects.filter(pk=event_id, invoice=invoice).first()
            if event is None:
                raise Http404
            return event, retry_event(event), f"Retried the signal {event.kind} ({event.uuid})"

        return self.try_again(request, pk, revive)

    def retry_call_view(self, request: HttpRequest, pk: UUID, delivery_id: int) -> HttpResponse:
        """Try to call a handler again, at once, also after it was given up. POST only."""

        def revive(invoice: Invoice) -> tuple[HandlerDelivery, bool, str]:
            calls = HandlerDelivery.objects.select_related("event").filter(event__invoice=invoice)
            call = calls.filter(pk=delivery_id).first()
            if call is None:
                raise Http404
            done = f"Retried {call.handler} for {call.event.kind} ({call.event.uuid})"
            return call, retry_delivery(call), done

        return self.try_again(request, pk, revive)

    def try_again(
        self,
        request: HttpRequest,
        pk: UUID,
        revive: Callable[[Invoice], tuple[InvoiceEvent | HandlerDelivery, bool, str]],
    ) -> HttpResponse:
        """Make one thing due, deliver what is due of its invoice, and report the outcome."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        invoice = self.permitted(request, pk, may(request.user, Act.REFRESH))
        try:
            row, was_pending, done = revive(invoice)
        except DeliveryBusyError:
            messages.info(request, _("An attempt is running at this moment. Look again in a while."))
            return self.to_page(pk)
        if not was_pending:
            messages.info(request, _("The shop has heard of this already."))
            return self.to_page(pk)
        self.log_change(request, invoice, done)
        failed_before = row.attempts if row.next_attempt_at is not None else 0
        deliver_events(invoice)
        row.refresh_from_db()
        if row.delivered_at is not None:
            messages.success(request, _("Delivered to the shop."))
        elif row.attempts > failed_before:
            messages.error(request, _("The shop failed again: see the traceback below."))
        elif isinstance(row, InvoiceEvent) and is_withheld(row, Invoice.objects.primary().get(pk=pk)):
            messages.warning(request, _("It is withheld: what it reports is not true now, or the invoice is held."))
        else:
            messages.info(request, _("It waits for an earlier event of this invoice."))
        return self.to_page(pk)
