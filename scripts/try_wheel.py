"""Build what a release is made of, and try it: the wheel in a new shop, the source distribution by its own tests.

    python -m scripts.try_wheel            # in a temporary folder
    python -m scripts.try_wheel --to dist  # keep both files there

The wheel is built from the source distribution, not from the checkout, and nothing of the checkout is on the new
environment's path. Ends with an error at the first thing that fails.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

# What a wheel can lose without any test in the checkout noticing.
MUST_CONTAIN = [
    r"cryptopay_django/py\.typed",
    r"cryptopay_django/migrations/0001_.*\.py",
    r"cryptopay_django/sandbox/__main__\.py",
    r"cryptopay_django/testing/.*\.py",
    r".*\.dist-info/licenses/LICENSE",
]
MUST_NOT_CONTAIN = r"(tests|example_project|scripts|docs|benchmarks)/"

# Quick tests that read the whole project: its folders, its pages, its CI, its models.
TESTS_OF_THE_SOURCE = ["tests/test_layout.py", "tests/test_packaging.py", "tests/test_webhook.py"]
TESTS_OF_THE_SOURCE += ["tests/documentation/test_pages.py", "tests/documentation/test_references.py", "tests/models"]

SETTINGS = """

INSTALLED_APPS += ["cryptopay_django"]
CRYPTOPAY_ACCOUNTS = {
    "default": {
        "API_KEY": "a-made-up-api-key-of-a-new-shop-0000000",
        "API_SECRET": "a-made-up-api-secret-of-a-new-shop-0000",
        "CALLBACK_SECRETS": ["a-made-up-callback-secret-of-a-new-shop"],
        "BASE_URL": "sandbox",
    }
}
CRYPTOPAY_REQUIRED_EVENTS = []  # this shop has no receiver yet
"""
URLS = """
from django.urls import include

urlpatterns += [path("cryptopay/", include("cryptopay_django.urls"))]
"""
IMPORTS = """
import pathlib, sys
import cryptopay_django
from cryptopay_django import models, services, signals

home = pathlib.Path(cryptopay_django.__file__)
assert home.is_relative_to(sys.prefix), home
assert models.Invoice.objects.count() == 0
print("imported", services.create_invoice.__name__, "and", len(vars(signals)), "names of signals")
"""
UNSIGNED = """
from django.test import Client
from django.urls import reverse

status = Client(headers={"host": "localhost"}).post(
    reverse("cryptopay_django:callback"), b"{}", content_type="application/json"
).status_code
assert status == 401, status
print("an unsigned callback was refused with", status)
"""
# What a shop's own tests look like: the plugin is found by its entry point.
TEST = """
from cryptopay_django.services import create_invoice
from cryptopay_django.signals import invoice_completed


def test_a_customer_pays(cryptopay_sandbox, transactional_db):
    completed = []

    def fulfil(sender, invoice, event, **kwargs):
        completed.append(invoice.pk)

    invoice_completed.connect(fulfil)
    invoice = create_invoice(price_amount="49.90", price_currency="EUR", pay_currency="BTC")

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    attempts = cryptopay_sandbox.deliver()

    assert [attempt.status for attempt in attempts] and completed == [invoice.pk]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a wheel and a source distribution, and try both.")
    parser.add_argument("--to", type=Path, help="keep the two files in this folder")
    kept = parser.parse_args().to
    with tempfile.TemporaryDirectory(prefix="try-wheel-") as name:
        folder = Path(name)
        source, wheel = build(kept or folder / "dist")
        look_inside(wheel)
        run_tests_of(source, folder / "source")
        python = install(wheel, folder / "venv")
        set_up_shop(python, folder / "shop")
        add_extras(python, wheel, folder / "shop")
    print("the wheel works in an environment of its own, and the tests of the source distribution pass")


def build(folder: Path) -> tuple[Path, Path]:
    say(f"build with {sys.version.split()[0]}")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, quiet=True)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
    return source.resolve(), wheel.resolve()


def run_tests_of(source: Path, folder: Path) -> None:
    say(f"unpack {source.name}, and run some of its tests")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (project,) = folder.iterdir()
    # The folder comes before the checkout on the path of `python -m`; this fails where it does not.
    run(
        sys.executable,
        "-c",
        f"import cryptopay_django; assert {str(project)!r} in cryptopay_django.__file__",
        cwd=project,
    )
    run(sys.executable, "-m", "pytest", "-q", *TESTS_OF_THE_SOURCE, cwd=project)


def look_inside(wheel: Path) -> None:
    say(f"look into {wheel.name}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for pattern in MUST_CONTAIN:
        if not any(re.fullmatch(pattern, name) for name in names):
            sys.exit(f"{wheel.name} lacks {pattern}")
    if strays := [name for name in names if re.match(MUST_NOT_CONTAIN, name)]:
        sys.exit(f"{wheel.name} contains {strays[:5]}")
    print(f"{len(names)} files")


def install(wheel: Path, folder: Path) -> Path:
    say("install it into an empty environment")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    pip_install(python, str(wheel))
    return python


def set_up_shop(python: Path, shop: Path) -> None:
    say("set up a new shop")
    shop.mkdir()
    run(python, "-m", "django", "startproject", "shop", ".", cwd=shop)
    for file, addition in {"settings.py": SETTINGS, "urls.py": URLS}.items():
        with (shop / "shop" / file).open("a") as source:
            source.write(addition)
    manage: list[str | Path] = [python, "-W", "error", "manage.py"]
    run(*manage, "check", "--fail-level", "WARNING", cwd=shop)
    run(*manage, "makemigrations", "--check", "--dry-run", cwd=shop)
    run(*manage, "migrate", "--verbosity", "0", cwd=shop)
    for code in (IMPORTS, UNSIGNED):
        run(*manage, "shell", "--no-imports", "--command", code, cwd=shop)


def add_extras(python: Path, wheel: Path, shop: Path) -> None:
    say("add the extras, and buy something in the shop's own tests")
    pip_install(python, f"{wheel}[testing]")
    run(python, "-m", "cryptopay_django.sandbox", "--help", cwd=shop)
    (shop / "test_purchase.py").write_text(TEST)
    run(python, "-m", "pytest", "-W", "error", "--ds", "shop.settings", cwd=shop)


def pip_install(python: Path, requirement: str) -> None:
    pip: list[str | Path] = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(*pip, "install", requirement)
    run(*pip, "check")


def run(*command: str | Path, cwd: Path | None = None, quiet: bool = False) -> None:
    output = subprocess.PIPE if quiet else None
    ours = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stdout.buffer.write(done.stdout or b"")
        sys.exit(f"failed with status {done.returncode}: {' '.join(map(str, command))[:200]}")


def say(what: str) -> None:
    print(f"* {what}", flush=True)


if __name__ == "__main__":
    main()
