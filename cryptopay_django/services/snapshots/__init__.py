"""Merges snapshots into our rows: what the gateway reports of an invoice, by callback or GET. In reading order:

apply.py                  locks the row, merges, writes and commits: every snapshot enters here
merge.py, compare.py      decide what a snapshot changes (pure)
confirm_by_list.py        confirms many callbacks by one page of the gateway's list
find_at_gateway.py        finds our invoice by its custom_id, and proves that it is ours
finish_callback.py        marks a callback as done
quarantine_unreadable.py  quarantines an invoice if the gateway's answer about it cannot be read
refund_rows.py            stores the refunds that the gateway lists
withdrawal_rows.py        stores the refunds of completed invoices, which are withdrawals
orphan_invoices.py        lists the invoices of the account that are not ours, from stored callbacks
"""
