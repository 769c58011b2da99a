"""Contains the calls of the gateway's API, one module for each family. `gateway/client.py` combines them."""
