"""Mails to customers: what they say, and when there is something to say.

In reading order: `facts.py` (which mail an event leads to, and whether it is still true), `wording.py` (texts),
`message.py` (the e-mail), `sending.py` (the worker's chore), `samples.py` (for the preview). How a mail is retried,
and sent once: `services/events/send_mails.py`.
"""

from .sending import send_customer_mails

__all__ = ["send_customer_mails"]
