"""Resolutions: a person settles or refunds an unresolved invoice, refunds a completed one, or lifts a quarantine.

In reading order: `rules.py` (what may be done, and when it takes two people), `quote.py` (of a settlement),
`left.py` (how much of a completed invoice can still be refunded), `refund_quote.py` (of such a refund), `actions.py`
(what people do), `planning.py` (committed before anything is sent), `sending.py` (sent and answered: each step is
committed), `outcome.py` (reads what happened), `verdicts.py` (what that reading proves), `follow_refunds.py` (reads
the list of refunds until all is known).
The other files: `places.py` (the address of a refund), `refund_links.py` (the customer gives the address), `asked.py`
(the parameters of the call), `sealed.py` (quotes as signed text), `approval.py` (the second person), `end_by_hand.py`,
`release.py` (out of quarantine), `people.py`.

If the gateway does not answer the call clearly, the resolution becomes `unknown` (`sending.py`) and stays active, so
no other one can begin for the invoice. `resolve_pending_resolutions` (`outcome.py`) reads the gateway's data again and
again until `verdicts.py` finds proof; it never sends the call again. Staff get a notice after five minutes, and after
twenty minutes a person may end the resolution if the gateway shows nothing (`end_by_hand.py`).
"""
