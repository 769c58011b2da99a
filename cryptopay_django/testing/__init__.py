"""Provides tools for a project's own tests: the pytest fixture `cryptopay_sandbox` and factories.

Importing this package imports no models, because pytest loads the plugin before Django is set up.
"""
