"""Tenants of django-tenants."""
