"""The books of an account, and statements made of them.

facts.py      what a row of ours, or of the gateway's ledger, has moved
reading.py    reads what is new in the gateway's ledger
rates.py      what a change of a balance was worth
posting.py    writes the entries: the difference between what is moved and what is booked
keeping.py    begins the books, brings them up to date, and checks them against the gateway
periods.py    periods in a time zone
statement.py  opening, lines, closing and totals of a period
closing.py    closes a period: its figures are fixed
columns.py, tables.py, workbook.py, journal.py   the forms of a file
mailing.py    mails the statement of a closed period, once to each person
"""
