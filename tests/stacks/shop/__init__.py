"""The shop that each row runs: one kind of order, one receiver, the admin."""
