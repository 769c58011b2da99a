"""Adds the buttons that deliver a failed event now: to signals, and to one durable handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models.options import Options
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ..atomic_requests import non_atomic_requests
from ..exceptions import DeliveryBusyError
from ..models import HandlerDelivery, InvoiceEvent, Subject
from ..permissions import Act, may
from ..services.events.deliver import deliver_events
from ..services.events.retry import retry_delivery, retry_event
from ..services.events.withholding import is_withheld

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object


class Retries(Base):
    """Mixed into the admin of what events are about: invoices, channel payments, callbacks."""

    admin_site: AdminSite
    opts: Options[Any]
    key_type = "uuid"
    """Of the rows' keys in a URL."""

    def retry_urls(self) -> list[URLPattern]:
        """Return the URLs of the buttons; none of their views is wrapped into a request's transaction."""
        key, name = f"<{self.key_type}:pk>", f"cryptopay_django_{self.opts.model_name}"
        views = {
            f"{key}/events/<int:event_id>/retry/": (self.retry_view, f"{name}_retry"),
            f"{key}/calls/<int:delivery_id>/retry/": (self.retry_call_view, f"{name}_retry_call"),
        }
        return [
            path(route, non_atomic_requests(self.admin_site.admin_view(view)), name=name)
            for route, (view, name) in views.items()
        ]

    def retry_view(self, request: HttpRequest, pk: Any, event_id: int) -> HttpResponse:
        """Try to deliver a signal again, at once. POST only."""

        def revive(about: Subject) -> tuple[InvoiceEvent, bool, str]:
            event = about.events.filter(pk=event_id).first()
            if event is None:
                raise Http404
            return event, retry_event(event), f"Retried the signal {event.kind} ({event.uuid})"

        return self.try_again(request, pk, revive)

    def retry_call_view(self, request: HttpRequest, pk: Any, delivery_id: int) -> HttpResponse:
        """Try to call a handler again, at once, also after it was given up. POST only."""

        def revive(about: Subject) -> tuple[HandlerDelivery, bool, str]:
            calls = HandlerDelivery.objects.select_related("event").filter(event__in=about.events.all())
            call = calls.filter(pk=delivery_id).first()
            if call is None:
                raise Http404
            done = f"Retried {call.handler} for {call.event.kind} ({call.event.uuid})"
            return call, retry_delivery(call), done

        return self.try_again(request, pk, revive)

    def try_again(
        self,
        request: HttpRequest,
        pk: Any,
        revive: Callable[[Subject], tuple[InvoiceEvent | HandlerDelivery, bool, str]],
    ) -> HttpResponse:
        """Make one thing due, deliver what is due of its subject, and report the outcome."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        about = self._row(request, pk)
        try:
            row, was_pending, done = revive(about)
        except DeliveryBusyError:
            messages.info(request, _("An attempt is running at this moment. Look again in a while."))
            return self._to_row(pk)
        if not was_pending:
            messages.info(request, _("The shop has heard of this already."))
            return self._to_row(pk)
        self.log_change(request, about, done)
        failed_before = row.attempts if row.next_attempt_at is not None else 0
        deliver_events(about)
        row.refresh_from_db()
        if row.delivered_at is not None:
            messages.success(request, _("Delivered to the shop."))
        elif row.attempts > failed_before:
            messages.error(request, _("The shop failed again: see the traceback below."))
        elif isinstance(row, InvoiceEvent) and is_withheld(row, self._row(request, pk)):
            messages.warning(request, _("It is withheld: what it reports is not true now, or the invoice is held."))
        else:
            messages.info(request, _("It waits for an earlier event of this invoice."))
        return self._to_row(pk)

    def _row(self, request: HttpRequest, pk: Any) -> Subject:
        """Return the row as the database has it, or refuse: 403 before 404, so that nothing is disclosed."""
        if not may(request.user, Act.REFRESH) or not self.has_view_permission(request):
            raise PermissionDenied
        manager: Any = self.model._default_manager
        row: Subject | None = manager.primary().filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def _to_row(self, pk: Any) -> HttpResponseRedirect:
        name = f"{self.admin_site.name}:cryptopay_django_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[pk]))
