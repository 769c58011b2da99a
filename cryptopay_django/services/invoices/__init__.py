"""Invoices: creating one for an order, and what the customer is offered and shown.

In reading order: `payment_of_order.py` (what a shop's page needs), `current.py` (the invoice that an order is paid
by now), `create.py` (what may be asked for), `place_at_gateway.py` (our row first, then the call), `offers.py`
(coins), `progress.py` (how far a payment is, also after expiry).
"""
