"""Takes the pictures of payment links and the counter for docs/images. Starts shop and sandbox, as `pictures.py` does.

python -m example_project.link_pictures                 # needs chromium and the dependency group `browser`
python -m example_project.link_pictures --to /tmp/new   # into another folder
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import requests
from django.apps import apps

from .demo.__main__ import both, prepare
from .pictures import IMAGES, PHONE, PORT, SANDBOX_PORT, SCREEN, Wallet, browser, logged_in

TABLET = {"width": 1024, "height": 768}
LINKS = {
    "single": {"description": "Workshop on 3 May, two places", "price_amount": "49.90", "reference": "A-17"},
    "donation": {"description": "For the new roof of the library", "least_amount": "5", "most_amount": "1000"},
}


def take_links(running: Any, shop: str, wallet: Wallet, folder: Path) -> None:
    """Make a payment link and a donation link, and let a customer pay at the counter; save a picture of each step."""

    def save(page: Any, name: str, *, height: float = 0) -> None:
        clip = {"x": 0, "y": 0, "width": TABLET["width"], "height": height} if height else None
        page.screenshot(path=folder / f"payment-link-{name}.png", clip=clip)
        print(folder / f"payment-link-{name}.png", flush=True)

    staff = logged_in(running, f"{shop}/admin/login/", "staff", SCREEN)
    links = f"{shop}/admin/cryptopay_django/paymentlink"
    found = {}
    for name, values in LINKS.items():
        staff.goto(f"{links}/add/")
        for field, value in values.items():
            staff.fill(f"[name={field}]", value)
        if name == "donation":
            staff.check("[name=uses][value=often]")
            staff.check("[name=kind][value=donation]")
        staff.click("input[type=submit].cp-button")
        found[name] = staff.input_value("#cp-link-url")
        save(staff, f"admin-{name}")
    for name, url in found.items():
        phone = running.new_page(viewport=PHONE, color_scheme="dark" if name == "donation" else "light")
        phone.goto(url)
        save(phone, f"{name}-phone")
    staff.set_viewport_size(TABLET)
    staff.goto(f"{shop}/cryptopay/counter/")
    for key in "12.50":
        staff.click(f"[data-cp-key='{key}']")
    staff.fill("[name=description]", "Two coffees and a cake")
    save(staff, "counter-keypad", height=staff.locator("footer").bounding_box()["y"])
    staff.get_by_role("button", name="Show the QR code").click()
    staff.get_by_role("heading", name="Scan this code").wait_for()
    save(staff, "counter-code")
    link = apps.get_model("cryptopay_django.PaymentLink").objects.latest("created_at")
    requests.post(f"{shop}/cryptopay/pay/{link.token}/", data={"coin": "BTC/bitcoin"}, timeout=60).raise_for_status()
    invoice = apps.get_model("cryptopay_django.Invoice").objects.latest("created_at")
    wallet.pay(invoice, "1")
    staff.get_by_role("heading", name="Paid").wait_for()
    save(staff, "counter-paid")
    staff.set_viewport_size(SCREEN)
    staff.goto(f"{links}/")
    save(staff, "admin-list")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of payment links and the counter.")
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder to write to")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as var:
        prepare(Path(var), sandbox_port=SANDBOX_PORT)
        with both(Path(var), port=PORT, sandbox_port=SANDBOX_PORT) as (shop, gateway), browser() as running:
            take_links(running, shop.url, Wallet(gateway.url), arguments.to)


if __name__ == "__main__":
    main()
