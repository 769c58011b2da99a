"""The shop's settings as `make checklist` tries them: with the teams that are told, and the functions it needs."""

from .settings import *  # noqa: F403

CRYPTOPAY_NOTICE_RECIPIENTS = {
    "held": ["fraud@tern-and-tide.example", "support@tern-and-tide.example"],
    "unresolved": ["support@tern-and-tide.example"],
}
CRYPTOPAY_CHECKLIST_ORDER = "example_project.shop.checklist.place_order"
CRYPTOPAY_CHECKLIST_PROBE = "example_project.shop.checklist.credited"
CRYPTOPAY_CHECKLIST_CHANNEL = "example_project.shop.checklist.open_channel"
CRYPTOPAY_CHECKLIST_CHANNEL_PROBE = "example_project.shop.checklist.credited_to_balance"
