"""The REST API: what a headless shop front and a back-office tool call. Needs the extra `[api]`.

Mount it with `path("cryptopay/api/", include("cryptopay_django.api.urls"))`. A shop subclasses
`CreateInvoiceView`, for only the shop knows its orders and prices. Nothing else imports this package,
so a shop without Django REST framework has everything else.
"""

from .creation import CreateInvoiceView
from .public import CoinsView, InvoiceStateView

__all__ = ["CoinsView", "CreateInvoiceView", "InvoiceStateView"]
