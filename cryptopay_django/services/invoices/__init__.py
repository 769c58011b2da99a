"""Invoices: creates them for orders, and reads what the customer is offered and shown.

In reading order: `payment_of_order.py` (what a shop's page needs), `current.py` (the invoice that an order is paid
by now), `create.py` (what may be asked for), `place_at_gateway.py` (our row first, then the call), `coins.py` (the
account's coins), `offers.py` (the coins that are offered), `progress.py` (how far a payment has come, and its state
after expiry), `expiry.py` (the event for the mail "expired"), `receipt.py` (what a receipt shows), `summary.py` (what
was paid for an order), `contact.py` (the customer's e-mail address).
"""
