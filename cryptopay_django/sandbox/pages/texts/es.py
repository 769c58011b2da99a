"""The hosted pages' texts in Spanish."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
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
    "enabled": (
        "Envíe cualquier importe, en cualquier momento",
        "Esta dirección sigue siendo suya: cada pago se abona.",
    ),
    "disabled": ("Esta dirección está cerrada", "No envíe nada más a ella."),
}

LABELS = {
    "amount": "Importe",
    "address": "Dirección",
    "network": "Red",
    "copy": "Copiar",
    "copied": "Copiado",
    "left": "Tiempo restante",
    "confirmations": "Confirmaciones",
    "paid": "Pagado hasta ahora",
    "back": "Volver a la tienda",
    "returning": "En unos segundos volverá a la tienda.",
    "stay": "Quedarse aquí",
    "tag": "Sin este dato el pago se pierde.",
    "qr": "Código QR del pago",
    "open": "Abrir en un monedero",
    "payments": "Pagos",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "en espera de confirmaciones",
    "completed": "abonado",
    "on_hold": "retenido",
    "refunded": "devuelto",
    "cancelled": "cancelado",
}
