"""Cryptopay invoices for Django. Start at `services` (verbs), `signals` (what a shop connects to), `conf`."""

__version__ = "0.1.0"
