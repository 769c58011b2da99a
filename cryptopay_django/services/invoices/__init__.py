"""Creates invoices for orders, and reads what the customer is offered and shown.

In reading order: `payment_of_order.py` (what a shop's page needs), `current_invoice.py` (the invoice by which an order
is paid), `create.py` (checks a request and chooses the invoice), `create_at_gateway.py` (our row first, then the
call), `account_coins.py` (the coins that the gateway lists for an account), `coin_offers.py` (the coins that customers
can choose), `customer_state.py` (the customer's state of a payment, also after the expiry), `expired_mail_events.py`
(the event for the mail "expired"), `receipt.py` (the data of a receipt), `summary.py` (the sums of an order),
`customer_email.py` (the customer's e-mail address).
"""
