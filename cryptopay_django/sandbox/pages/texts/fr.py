"""The hosted pages' texts in French."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
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
    "enabled": (
        "Envoyez n'importe quel montant, à tout moment",
        "Cette adresse reste la vôtre : tout paiement y est crédité.",
    ),
    "disabled": ("Cette adresse est fermée", "N'y envoyez plus rien."),
}

LABELS = {
    "amount": "Montant",
    "address": "Adresse",
    "network": "Réseau",
    "copy": "Copier",
    "copied": "Copié",
    "left": "Temps restant",
    "confirmations": "Confirmations",
    "paid": "Déjà payé",
    "back": "Retour à la boutique",
    "returning": "Retour à la boutique dans quelques secondes.",
    "stay": "Rester ici",
    "tag": "Sans cette mention, le paiement est perdu.",
    "qr": "Code QR du lien de paiement",
    "open": "Ouvrir dans un portefeuille",
    "payments": "Paiements",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "en attente de confirmations",
    "completed": "crédité",
    "on_hold": "suspendu",
    "refunded": "renvoyé",
    "cancelled": "annulé",
}
