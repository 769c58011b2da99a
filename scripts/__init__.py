"""Tools for working on this package. Nothing here is installed with it."""
