"""Serves the REST API for headless shops and back-office tools. This package needs the extra `[api]`.

Mount it with `path("cryptopay/api/", include("cryptopay_django.api.urls"))`. A shop subclasses `CreateInvoiceView`
and the views of channels, because only the shop knows its orders, prices and customers. Nothing else imports this
package.
"""

from ..exceptions import needs

with needs("drf_spectacular", install="cryptopay-django[api]"):
    from .channels import ChannelPaymentsView, ChannelsOfOwner, ChannelsView, ChannelView
    from .create_invoice import CreateInvoiceView
    from .public import CoinsView, InvoiceStateView

__all__ = [
    "ChannelPaymentsView",
    "ChannelView",
    "ChannelsOfOwner",
    "ChannelsView",
    "CoinsView",
    "CreateInvoiceView",
    "InvoiceStateView",
]
