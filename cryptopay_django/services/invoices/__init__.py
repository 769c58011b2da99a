"""Invoices: creating one for an order, and what the customer is offered and shown.

In reading order: `payment_of_order.py` (what a shop's page needs), `current.py` (the invoice that an order is paid
by now), `create.py` (what may be asked for), `place_at_gateway.py` (our row first, then the call), `coins.py` (the
account's coins), `offers.py` (those that are offered), `progress.py` (how far a payment is, also after expiry).
"""
