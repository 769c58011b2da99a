"""Asks the gateway without waiting for callbacks, and merges what it answers. In reading order:

schedule.py             runs a round at an interval, in one process
reconcile_invoices.py   asks about open invoices
reconcile_channels.py   asks about payments on channels, most of them by `channel_ledger.py`
missing_invoices.py     finds invoices that only the gateway has
restore_invoice.py      adds one of those here when a person decides so
compare_ledger.py       compares the gateway's ledger of a period with our rows: `ledger_rows.py` reads them,
                        `ledger_differences.py` names each difference
"""
