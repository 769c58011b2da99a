"""The webhook roads of dj-stripe and django-payments: a payment each, a signed body, a receiver that writes a row."""
