"""Adapters to shops that exist. Each folder is for one, imports it only when used, and needs public names alone.

docs/adapters.md says what they all do, and how to write another.
"""
