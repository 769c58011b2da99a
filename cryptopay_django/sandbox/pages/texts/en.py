"""The hosted pages' texts in English."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
    "waiting": ("Waiting for your payment", "Send exactly this amount in one transaction, before the time is up."),
    "partial": ("Part of it has arrived", "Send the rest before the time is up."),
    "seen": ("Payment seen", "The network is confirming it. You need not do anything more."),
    "expired": ("This invoice has expired", "Please do not pay it any more. Ask the shop for a new one."),
    "underpaid": ("Less than asked for has arrived", "The shop decides what happens next and will contact you."),
    "overpaid": ("More than asked for has arrived", "The shop decides what happens next and will contact you."),
    "paid_late": ("Paid after the expiry", "The shop decides what happens next and will contact you."),
    "illicit_resource": ("The payment is being reviewed", "This can take a while. The shop will contact you."),
    "completed": ("Paid. Thank you!", "The shop knows about it."),
    "refunded": ("Refunded", "The payment was sent back."),
    "cancelled": ("Cancelled", "Nothing is due any more."),
    "enabled": ("Send any amount, at any time", "This address stays yours: every payment to it is credited."),
    "disabled": ("This address is closed", "Please send nothing to it any more."),
}

LABELS = {
    "amount": "Amount",
    "address": "Address",
    "network": "Network",
    "copy": "Copy",
    "copied": "Copied",
    "left": "Time left",
    "confirmations": "Confirmations",
    "paid": "Paid so far",
    "back": "Back to the shop",
    "returning": "You are taken back to the shop in a few seconds.",
    "stay": "Stay here",
    "tag": "Without it the payment is lost.",
    "qr": "QR code of the payment link",
    "open": "Open in a wallet",
    "payments": "Payments",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "waiting for confirmations",
    "completed": "credited",
    "on_hold": "on hold",
    "refunded": "sent back",
    "cancelled": "cancelled",
}
