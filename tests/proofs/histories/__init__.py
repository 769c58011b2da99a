"""The worlds that generated histories play in: a plain one, and the actors that make it a real one.

`world.py` has shop, customers, network and clock. Each actor is a module: `receivers.py`, `gateway.py`, `thief.py`,
`shops.py`. What must be true of every history, whatever happens in it, is in `promises.py`.
"""
