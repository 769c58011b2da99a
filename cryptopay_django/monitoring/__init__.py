"""Serves the health endpoint and the Prometheus metrics for monitoring systems."""
