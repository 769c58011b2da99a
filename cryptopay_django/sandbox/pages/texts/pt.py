"""The hosted pages' texts in Portuguese."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
    "waiting": (
        "À espera do seu pagamento",
        "Envie exatamente este valor numa só transação, antes que o tempo acabe.",
    ),
    "partial": ("Chegou uma parte", "Envie o resto antes que o tempo acabe."),
    "seen": ("Pagamento detetado", "A rede está a confirmá-lo. Não precisa de fazer mais nada."),
    "expired": ("Esta fatura expirou", "Não a pague mais. Peça uma nova à loja."),
    "underpaid": ("Chegou menos do que o pedido", "A loja decide como continuar e entrará em contacto."),
    "overpaid": ("Chegou mais do que o pedido", "A loja decide como continuar e entrará em contacto."),
    "paid_late": ("O pagamento chegou tarde", "A loja decide como continuar e entrará em contacto."),
    "illicit_resource": ("O pagamento está a ser verificado", "Pode demorar. A loja entrará em contacto."),
    "completed": ("Pago. Obrigado!", "A loja já sabe."),
    "refunded": ("Reembolsado", "O pagamento foi devolvido."),
    "cancelled": ("Cancelada", "Já não há nada a pagar."),
    "enabled": (
        "Envie qualquer valor, a qualquer momento",
        "Este endereço continua a ser seu: cada pagamento é creditado.",
    ),
    "disabled": ("Este endereço está fechado", "Não envie mais nada para ele."),
}

LABELS = {
    "amount": "Valor",
    "address": "Endereço",
    "network": "Rede",
    "copy": "Copiar",
    "copied": "Copiado",
    "left": "Tempo restante",
    "confirmations": "Confirmações",
    "paid": "Pago até agora",
    "back": "Voltar à loja",
    "returning": "Voltará à loja dentro de alguns segundos.",
    "stay": "Ficar aqui",
    "tag": "Sem este dado, o pagamento perde-se.",
    "qr": "Código QR do pagamento",
    "open": "Abrir numa carteira",
    "payments": "Pagamentos",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "à espera de confirmações",
    "completed": "creditado",
    "on_hold": "retido",
    "refunded": "devolvido",
    "cancelled": "cancelado",
}
