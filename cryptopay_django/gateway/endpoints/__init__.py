"""The calls of the gateway's API, one module a family. `client.py` combines them."""
