"""Keeps the books of an account, and makes statements of them. In reading order:

movements.py             computes what a row of ours, or of the gateway's ledger, has moved
our_rows.py              finds the rows of ours that the books are about
read_ledger.py           reads what is new in the gateway's ledger
rates.py                 values what was moved
post_entries.py          writes the entries: the difference between what is moved and what is booked
balances.py              adds the entries up
keep_books.py            begins the books and brings them up to date
compare_with_gateway.py  checks the books against the gateway
periods.py               names periods in a time zone
statement.py             makes a statement: opening, lines, closing and totals of a period
close_period.py          closes a period: its figures are fixed
file_formats.py          writes a statement as a file, by `csv_tables.py`, `xlsx_workbook.py` or `journal.py`
mail_statement.py        mails the statement of a closed period, once to each person
"""
