"""Resolutions: a person settles or refunds an unresolved invoice, or releases one that is held.

In reading order: `rules.py` (what may be done, and when it takes two people), `quote.py`, `actions.py` (what people
do), `planning.py` (committed before anything is sent), `sending.py` (sent and answered: each step is committed),
`outcome.py` (no clear answer: read what happened), `verdicts.py` (what that reading proves), `follow_refunds.py`
(reads the list of refunds until all is known). Beside them: `approval.py` (the second person), `asked.py`,
`end_by_hand.py`, `release.py`, `people.py`.
"""
