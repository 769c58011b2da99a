"""Makes payment links for staff. Each customer who opens a link gets an invoice at the rate of that moment.

create.py   creates and cancels a link, for staff
use.py      finds, opens and uses a link, for customers
totals.py   adds up what was paid by links
"""
