"""Payment links: staff make one, and each customer who opens it gets an invoice at that moment's rate.

make.py     creating and cancelling a link, by staff
use.py      finding, opening and using a link, by customers
totals.py   what was paid by links
"""
