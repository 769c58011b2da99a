"""Connects django-payments: a provider, the pages to pay on, and receivers that keep its payments up to date.

docs/adapters/payments.md is the guide. Only `provider.py` and `books.py` import the host.
"""
