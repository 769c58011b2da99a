"""A database backend whose ORM writes statements in a way that cannot be kept, as a release to come may."""
