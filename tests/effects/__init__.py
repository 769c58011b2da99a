"""A shop reduced to what a proof needs: a table of effects, one row each time a receiver runs to its end."""
