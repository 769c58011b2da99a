"""A user model of the project, which has no user names."""
