"""Sends mails to customers, if a shop switches them on.

In reading order: `choose_mail.py` (which mail an event leads to, and whether it is still true), `mail_texts.py` (the
texts), `message.py` (the e-mail), `send.py` (the worker's job), `samples.py` (for the preview). How a mail is retried,
and sent once: `services/events/send_mails.py`.
"""

from .send import send_customer_mails

__all__ = ["send_customer_mails"]
