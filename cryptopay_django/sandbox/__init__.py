"""Simulates the gateway in one process, for development and tests: `python -m cryptopay_django.sandbox`.

Plain Python without Django. Nothing in the app imports it; tests reach it through the fixture
`cryptopay_sandbox` of `cryptopay_django.testing`.
"""
