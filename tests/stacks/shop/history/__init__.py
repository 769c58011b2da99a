"""Registers django-simple-history for invoices, as a project would."""
