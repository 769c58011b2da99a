"""Template tags of the adapter."""
