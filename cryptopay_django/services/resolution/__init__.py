"""Resolutions: a person settles or refunds an unresolved invoice, or releases one that is held.

In reading order: `rules.py` (what may be done, and when it takes two people), `quote.py`, `actions.py` (what people
do), `execution.py` (planned, sent, answered: each step is committed), `outcome.py` (no clear answer: read what
happened), `verdicts.py` (what that reading proves), `follow_refunds.py` (reads the list of refunds until all is
known). Beside them: `end_by_hand.py`, `release.py`, `people.py`.
"""
