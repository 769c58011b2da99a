"""Connects django-salesman: a payment method, the page to pay on, and receivers that keep its orders up to date.

docs/adapters/salesman.md is the guide. `payment.py`, `books.py` and `checks.py` import the host.
"""
