"""Fixtures that the whole suite shares. Factories and the sandbox's live in `cryptopay_django.testing`."""

pytest_plugins = ["tests.canary"]
