"""The hosted page's texts for a customer, in four languages."""

from __future__ import annotations

DEFAULT_LOCALE = "en"

# For each language: phase of the invoice to headline and sentence, then the labels.
PHASES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "waiting": (
            "Waiting for your payment",
            "Send exactly this amount in one transaction, before the time is up.",
        ),
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
    },
    "de": {
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
    },
    "es": {
        "waiting": (
            "Esperando su pago",
            "Envíe exactamente este importe en una transacción, antes de que acabe el tiempo.",
        ),
        "partial": ("Ha llegado una parte", "Envíe el resto antes de que acabe el tiempo."),
        "seen": ("Pago detectado", "La red lo está confirmando. No tiene que hacer nada más."),
        "expired": ("Esta factura ha caducado", "No la pague ya. Pida una nueva a la tienda."),
        "underpaid": ("Ha llegado menos de lo pedido", "La tienda decide cómo seguir y se pondrá en contacto."),
        "overpaid": ("Ha llegado más de lo pedido", "La tienda decide cómo seguir y se pondrá en contacto."),
        "paid_late": ("El pago llegó tarde", "La tienda decide cómo seguir y se pondrá en contacto."),
        "illicit_resource": ("El pago está en revisión", "Puede tardar. La tienda se pondrá en contacto."),
        "completed": ("Pagado. ¡Gracias!", "La tienda ya lo sabe."),
        "refunded": ("Reembolsado", "El pago se ha devuelto."),
        "cancelled": ("Cancelada", "Ya no hay nada que pagar."),
    },
    "fr": {
        "waiting": (
            "En attente de votre paiement",
            "Envoyez exactement ce montant en une transaction, avant la fin du délai.",
        ),
        "partial": ("Une partie est arrivée", "Envoyez le reste avant la fin du délai."),
        "seen": ("Paiement détecté", "Le réseau le confirme. Vous n'avez plus rien à faire."),
        "expired": ("Cette facture a expiré", "Ne la payez plus. Demandez-en une nouvelle à la boutique."),
        "underpaid": ("Le montant reçu est insuffisant", "La boutique décide de la suite et vous contactera."),
        "overpaid": ("Le montant reçu est trop élevé", "La boutique décide de la suite et vous contactera."),
        "paid_late": ("Le paiement est arrivé trop tard", "La boutique décide de la suite et vous contactera."),
        "illicit_resource": ("Le paiement est en cours d'examen", "Cela peut durer. La boutique vous contactera."),
        "completed": ("Payé. Merci !", "La boutique en est informée."),
        "refunded": ("Remboursé", "Le paiement a été renvoyé."),
        "cancelled": ("Annulée", "Il n'y a plus rien à payer."),
    },
}  # fmt: skip

LABELS: dict[str, dict[str, str]] = {
    "en": {
        "amount": "Amount", "address": "Address", "network": "Network", "copy": "Copy", "copied": "Copied",
        "left": "Time left", "confirmations": "Confirmations", "paid": "Paid so far", "back": "Back to the shop",
        "returning": "You are taken back to the shop in a few seconds.", "stay": "Stay here",
        "tag": "Without it the payment is lost.", "qr": "QR code of the payment link", "open": "Open in a wallet",
    },
    "de": {
        "amount": "Betrag", "address": "Adresse", "network": "Netzwerk", "copy": "Kopieren", "copied": "Kopiert",
        "left": "Verbleibende Zeit", "confirmations": "Bestätigungen", "paid": "Bisher bezahlt",
        "back": "Zurück zum Shop", "returning": "Sie werden in wenigen Sekunden zum Shop zurückgeleitet.",
        "stay": "Hier bleiben", "tag": "Ohne diese Angabe geht die Zahlung verloren.",
        "qr": "QR-Code des Zahlungslinks", "open": "In einer Wallet öffnen",
    },
    "es": {
        "amount": "Importe", "address": "Dirección", "network": "Red", "copy": "Copiar", "copied": "Copiado",
        "left": "Tiempo restante", "confirmations": "Confirmaciones", "paid": "Pagado hasta ahora",
        "back": "Volver a la tienda", "returning": "En unos segundos volverá a la tienda.", "stay": "Quedarse aquí",
        "tag": "Sin este dato el pago se pierde.", "qr": "Código QR del pago", "open": "Abrir en un monedero",
    },
    "fr": {
        "amount": "Montant", "address": "Adresse", "network": "Réseau", "copy": "Copier", "copied": "Copié",
        "left": "Temps restant", "confirmations": "Confirmations", "paid": "Déjà payé",
        "back": "Retour à la boutique", "returning": "Retour à la boutique dans quelques secondes.",
        "stay": "Rester ici", "tag": "Sans cette mention, le paiement est perdu.",
        "qr": "Code QR du lien de paiement", "open": "Ouvrir dans un portefeuille",
    },
}  # fmt: skip


def choose_locale(wanted: str) -> str:
    """Return the language of a locale such as de or de-AT; English when there is none."""
    language = wanted.replace("_", "-").partition("-")[0].lower()
    return language if language in PHASES else DEFAULT_LOCALE
