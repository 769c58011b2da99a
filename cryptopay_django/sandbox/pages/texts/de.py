"""The hosted pages' texts in German."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
    "waiting": (
        "Warten auf Ihre Zahlung",
        "Senden Sie genau diesen Betrag in einer Transaktion, ehe die Zeit um ist.",
    ),
    "partial": ("Ein Teil ist eingegangen", "Senden Sie den Rest, ehe die Zeit um ist."),
    "seen": ("Zahlung gesehen", "Das Netzwerk bestätigt sie. Sie müssen nichts weiter tun."),
    "expired": ("Diese Rechnung ist abgelaufen", "Bitte nicht mehr bezahlen. Der Shop stellt eine neue aus."),
    "underpaid": ("Es ist zu wenig eingegangen", "Der Shop entscheidet, wie es weitergeht, und meldet sich."),
    "overpaid": ("Es ist zu viel eingegangen", "Der Shop entscheidet, wie es weitergeht, und meldet sich."),
    "paid_late": ("Die Zahlung kam nach dem Ablauf", "Der Shop entscheidet, wie es weitergeht, und meldet sich."),
    "illicit_resource": ("Die Zahlung wird geprüft", "Das kann dauern. Der Shop meldet sich."),
    "completed": ("Bezahlt. Vielen Dank!", "Der Shop weiß Bescheid."),
    "refunded": ("Erstattet", "Die Zahlung wurde zurückgesandt."),
    "cancelled": ("Storniert", "Es ist nichts mehr zu bezahlen."),
    "enabled": (
        "Senden Sie jederzeit einen beliebigen Betrag",
        "Diese Adresse bleibt Ihre: Jede Zahlung an sie wird gutgeschrieben.",
    ),
    "disabled": ("Diese Adresse ist geschlossen", "Bitte senden Sie nichts mehr an sie."),
}

LABELS = {
    "amount": "Betrag",
    "address": "Adresse",
    "network": "Netzwerk",
    "copy": "Kopieren",
    "copied": "Kopiert",
    "left": "Verbleibende Zeit",
    "confirmations": "Bestätigungen",
    "paid": "Bisher bezahlt",
    "back": "Zurück zum Shop",
    "returning": "Sie werden in wenigen Sekunden zum Shop zurückgeleitet.",
    "stay": "Hier bleiben",
    "tag": "Ohne diese Angabe geht die Zahlung verloren.",
    "qr": "QR-Code des Zahlungslinks",
    "open": "In einer Wallet öffnen",
    "payments": "Zahlungen",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "wartet auf Bestätigungen",
    "completed": "gutgeschrieben",
    "on_hold": "angehalten",
    "refunded": "zurückgesandt",
    "cancelled": "storniert",
}
