"""CRYPTOPAY_PROCESSING = "task": what is enqueued and when, and what each task does."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import transaction

from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import create_invoice, process_overdue
from cryptopay_django.services.dispatch.wake_or_enqueue import dispatch_callback
from cryptopay_django.services.events.deliver import deliver_or_dispatch
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)

if find_spec("django.tasks") is None:
    pytest.importorskip("django_tasks")
    FRAMEWORK = "django_tasks"
else:
    FRAMEWORK = "django.tasks"

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def backend(settings):
    """Choose a backend, and return it."""

    def choose(name, **more):
        settings.CRYPTOPAY_PROCESSING = "task"
        settings.TASKS = {"default": {"BACKEND": f"{FRAMEWORK}.backends.{name}.{name.title()}Backend", **more}}
        return import_module(FRAMEWORK).task_backends["default"]

    return choose


def post_callback(client, invoice, **changes):
    body = callback_body(invoice_wire(invoice, **changes))
    return client.post("/cryptopay/callbacks/", body, "application/json", headers=callback_headers(body))


def test_a_stored_callback_is_processed_as_a_task(client, backend, settings):
    backend("immediate")
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()

    answer = post_callback(client, invoice, paid_amount="0.001")

    assert answer.status_code == 200
    assert Callback.objects.get().outcome == "applied"


def test_with_a_queue_the_callback_is_only_stored_and_enqueued(client, backend):
    enqueued = backend("dummy").results

    post_callback(client, InvoiceFactory())

    callback = Callback.objects.get()
    assert callback.outcome == "pending"
    assert [(result.task.name, list(result.args)) for result in enqueued] == [("process_callback_task", [callback.pk])]


def test_the_backend_and_queue_are_those_of_the_settings(client, backend, settings):
    backend("dummy")
    settings.TASKS = {**settings.TASKS, "money": {**settings.TASKS["default"], "QUEUES": ["callbacks"]}}
    settings.CRYPTOPAY_TASK_BACKEND, settings.CRYPTOPAY_TASK_QUEUE = "money", "callbacks"

    post_callback(client, InvoiceFactory())

    (result,) = import_module(FRAMEWORK).task_backends["money"].results
    assert (result.backend, result.task.queue_name) == ("money", "callbacks")


def test_events_are_delivered_as_a_task(backend):
    enqueued = backend("dummy").results
    invoice = InvoiceFactory()

    deliver_or_dispatch(invoice)

    assert [(result.task.name, list(result.args)) for result in enqueued] == [
        ("deliver_events_task", [str(invoice.pk)])
    ]


def test_nothing_is_enqueued_before_the_commit_nor_after_a_roll_back(backend):
    enqueued = backend("dummy").results
    callback = CallbackFactory()

    with transaction.atomic():
        dispatch_callback(callback)
        transaction.set_rollback(True)
    assert enqueued == []
    with transaction.atomic():
        dispatch_callback(callback)
        assert enqueued == []

    assert len(enqueued) == 1


def test_a_queue_that_is_down_loses_no_callback(client, backend, settings, caplog):
    backend("dummy")
    settings.CRYPTOPAY_TASK_QUEUE = "nobody-made-it"

    answer = post_callback(client, InvoiceFactory())

    assert answer.status_code == 200
    assert "process_callback_task" in caplog.text
    assert process_overdue() == 1
    assert Callback.objects.get().outcome in ("applied", "stale")


def test_events_of_a_new_invoice_are_enqueued(cryptopay_sandbox, backend):
    enqueued = backend("dummy").results

    invoice = create_invoice(price_amount="10", price_currency="EUR", pay_currency="BTC")

    assert [(result.task.name, list(result.args)) for result in enqueued] == [
        ("deliver_events_task", [str(invoice.pk)])
    ]
    assert invoice.events.filter(delivered_at=None).exists()


def test_each_task_does_its_work(cryptopay_sandbox, backend, settings):
    backend("immediate")
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    tasks = import_module("cryptopay_django.tasks")
    event = InvoiceEventFactory()
    callback = CallbackFactory(body=callback_body(invoice_wire(event.invoice, paid_amount="0.001")))

    assert tasks.deliver_events_task.call(str(event.invoice_id)) == 1
    assert tasks.process_callback_task.call(callback.pk) == "applied"
    assert tasks.process_callback_task.call(callback.pk) == "", "it is done"
    assert tasks.process_overdue_task.call() >= 0
    assert "asked" in tasks.reconcile_task.call()
    assert tasks.send_notices_task.call() == 0
    assert tasks.prune_task.call() == "0 callbacks, 0 events"
    assert Invoice.objects.get().version > 0


@pytest.mark.parametrize(("name", "words"), [("immediate", "ten seconds"), ("dummy", "runs no task")])
def test_the_check_names_the_two_backends_that_are_not_for_a_site(backend, settings, name, words):
    backend(name)

    (message,) = [message for message in run_checks(tags=["cryptopay"]) if message.id == "cryptopay.W026"]

    assert words in message.msg
    settings.CRYPTOPAY_PROCESSING = "request"
    assert "cryptopay.W026" not in [message.id for message in run_checks(tags=["cryptopay"])]


def test_two_tasks_of_one_callback_do_it_once(backend, settings):
    backend("immediate")
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    tasks = import_module("cryptopay_django.tasks")
    callback = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))

    assert [tasks.process_callback_task.call(callback.pk) for _ in range(2)] == ["applied", ""]


@pytest.mark.parametrize(
    ("name", "value"), [("CRYPTOPAY_TASK_BACKEND", "nowhere"), ("CRYPTOPAY_TASK_QUEUE", "nobody-made-it")]
)
def test_the_check_tells_of_a_backend_or_queue_that_is_not_there(backend, settings, name, value):
    backend("dummy")
    assert "cryptopay.E019" not in [message.id for message in run_checks()]

    setattr(settings, name, value)

    (message,) = [message for message in run_checks() if message.id == "cryptopay.E019"]
    assert value in message.msg


PROGRAM = """
import sys, django
from django.conf import settings
{before}
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cryptopay_django"],
    CRYPTOPAY_PROCESSING="task", CRYPTOPAY_TASK_QUEUE="payments", TASKS={tasks},
)
django.setup()
from django.utils.module_loading import autodiscover_modules
autodiscover_modules("tasks")
from cryptopay_django.checks.installation import check_tasks
print(*check_tasks(None))
"""


@pytest.mark.parametrize(
    ("before", "tasks", "words"),
    [
        ("sys.modules.update({'django.tasks': None, 'django_tasks': None})", "{}", "no task framework is installed"),
        ("", "{'default': {'BACKEND': FRAMEWORK, 'QUEUES': ['mails']}}", "nothing can be enqueued"),
        ("", "{'mails': {'BACKEND': FRAMEWORK}}", "nothing can be enqueued"),
    ],
    ids=["no framework", "no such queue", "no such backend"],
)
def test_another_queue_imports_our_tasks_whatever_the_project_has_of_the_framework(before, tasks, words):
    tasks = tasks.replace("FRAMEWORK", repr(f"{FRAMEWORK}.backends.dummy.DummyBackend"))
    program = PROGRAM.format(before=before, tasks=tasks)

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert words in done.stdout
