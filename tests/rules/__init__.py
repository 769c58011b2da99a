"""The rules of delivery, locks and money, each beside the alternative that looks right."""
