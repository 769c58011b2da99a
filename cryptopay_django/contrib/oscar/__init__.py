"""Pays orders of django-oscar: `INSTALLED_APPS += ["cryptopay_django.contrib.oscar"]`, above `oscar.config.Shop`.

docs/adapters/oscar.md is the guide. `checkout.py` is mixed into oscar's checkout, `cryptopay_handlers.py` books what
happens on the order, `statuses.py` moves the order, `views.py` has the pages for paying and refunding.
"""
