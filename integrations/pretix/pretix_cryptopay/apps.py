"""Configures the plugin, and the settings that cryptopay_django needs inside pretix."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from pretix.base.plugins import PluginConfig

from . import __version__


class PluginApp(PluginConfig):
    """The plugin, as pretix lists it."""

    default = True
    name = "pretix_cryptopay"
    verbose_name = "Cryptopay"

    class PretixPluginMeta:
        """What pretix shows of the plugin, and the versions that it was tried with."""

        name = "Cryptopay"
        author = "cryptopay_django"
        description = _("Accept Bitcoin and other coins through Cryptopay.")
        version = __version__
        category = "PAYMENT"
        visible = True
        compatibility = "pretix>=2026.8"
        settings_links = [
            ((_("Payment"), "Cryptopay"), "control:event.settings.payment.provider", {"provider": "cryptopay"})
        ]

    def ready(self) -> None:
        """Set what the operator has not set, and connect the receivers of pretix' signals."""
        for name, value in defaults().items():
            if not hasattr(settings, name):
                setattr(settings, name, value)
        from . import signals  # noqa: F401, PLC0415  imports models of pretix


def defaults() -> dict[str, object]:
    """Return the settings of cryptopay_django inside pretix, which the operator may set otherwise."""
    return {
        "CRYPTOPAY_ACCOUNTS": "pretix_cryptopay.accounts.all_accounts",
        # pretix merges every policy into its own, and knows no frame-ancestors and base-uri.
        "CRYPTOPAY_PAGE_POLICY": None,
        "CRYPTOPAY_NEW_INVOICE_URL": "pretix_cryptopay.checkout.new_invoice_url",
        "CRYPTOPAY_SITE_URL": settings.SITE_URL,  # type: ignore[misc]  # a setting that only pretix has
    }
