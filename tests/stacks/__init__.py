"""A small shop on real databases, drivers, servers, proxies and other people's apps: `make stacks` runs all rows."""
