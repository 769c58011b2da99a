"""A pretix for tests: its own test settings, as its guide for plugins says, with plugins found by their entry points."""
