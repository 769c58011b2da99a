"""Tools for a host project's own tests: the pytest fixture `cryptopay_sandbox` and the factories.

Importing this package imports no models, for pytest loads the plugin before Django is set up.
"""
