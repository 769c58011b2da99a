"""Takes crypto payments for the tickets of pretix, through the gateway Cryptopay and the app cryptopay_django."""

__version__ = "0.1.0"
