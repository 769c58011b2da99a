"""The hosted pages' texts in Japanese, which the service spells jp."""

from __future__ import annotations

# Headline and sentence for each phase of an invoice, then for a channel by its status.
PHASES = {
    "waiting": ("お支払いをお待ちしています", "期限までに、この金額ちょうどを1回の取引で送金してください。"),
    "partial": ("一部を受け取りました", "期限までに残りを送金してください。"),
    "seen": ("送金を確認しました", "ネットワークが承認中です。これ以上の操作は必要ありません。"),
    "expired": ("この請求書は期限切れです", "もう支払わないでください。ショップに新しい請求書を依頼してください。"),
    "underpaid": ("受取額が不足しています", "今後の対応はショップが決定し、ご連絡します。"),
    "overpaid": ("受取額が超過しています", "今後の対応はショップが決定し、ご連絡します。"),
    "paid_late": ("期限後のお支払いです", "今後の対応はショップが決定し、ご連絡します。"),
    "illicit_resource": ("お支払いを審査しています", "時間がかかることがあります。ショップからご連絡します。"),
    "completed": ("お支払い済みです。ありがとうございます。", "ショップに通知されています。"),
    "refunded": ("返金済み", "お支払いは返送されました。"),
    "cancelled": ("取り消されました", "お支払いの必要はありません。"),
    "enabled": ("いつでも、いくらでも送金できます", "このアドレスは変わりません。送金はすべて入金されます。"),
    "disabled": ("このアドレスは閉鎖されています", "もう送金しないでください。"),
}

LABELS = {
    "amount": "金額",
    "address": "アドレス",
    "network": "ネットワーク",
    "copy": "コピー",
    "copied": "コピーしました",
    "left": "残り時間",
    "confirmations": "承認数",
    "paid": "受取済み",
    "back": "ショップに戻る",
    "returning": "数秒後にショップに戻ります。",
    "stay": "このページに留まる",
    "tag": "これがないと送金は失われます。",
    "qr": "支払いリンクのQRコード",
    "open": "ウォレットで開く",
    "payments": "入金履歴",
}

# The statuses of a payment to a channel.
STATUSES = {
    "pending": "承認待ち",
    "completed": "入金済み",
    "on_hold": "保留中",
    "refunded": "返送済み",
    "cancelled": "取り消し",
}
