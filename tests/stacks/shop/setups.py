"""What a row changes of the settings that JSON cannot say. Each function is given the settings' namespace."""

from __future__ import annotations

import json
import os
from typing import Any

Names = dict[str, Any]


def pymysql(names: Names) -> None:
    """Let PyMySQL stand for mysqlclient, as its README says; Django asks for a version that it does not claim."""
    import pymysql as driver  # noqa: PLC0415

    driver.version_info = (2, 2, 1, "final", 0)
    driver.install_as_MySQLdb()


def orders_elsewhere(names: Names) -> None:
    """The shop's own tables in a second file."""
    _two_databases(names, "OrdersElsewhere")


def app_elsewhere(names: Names) -> None:
    """The payments in a second file."""
    _two_databases(names, "AppElsewhere")


def _two_databases(names: Names, router: str) -> None:
    one = names["DATABASES"]["default"]
    names["DATABASES"]["other"] = {**one, "NAME": f"{one['NAME']}-other"}
    names["DATABASE_ROUTERS"] = [f"tests.stacks.shop.routers.{router}"]
    # The receivers write event.uuid beside the orders.
    names["CRYPTOPAY_SEPARATE_DATABASES"] = ["other" if router == "OrdersElsewhere" else "default"]


def replica(names: Names) -> None:
    """Payments and orders are read from the replica, all else from the primary."""
    names["DATABASE_ROUTERS"] = ["tests.stacks.shop.routers.ReadFromReplica"]


def people(names: Names) -> None:
    """A user model of the project."""
    names["INSTALLED_APPS"].insert(0, "tests.stacks.shop.people")
    names["AUTH_USER_MODEL"] = "people.Person"


def _redis() -> str:
    return os.environ["STACK_REDIS"]


def redis_cache(names: Names) -> None:
    """The cache in Redis."""
    names["CACHES"] = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _redis()}}


def cacheops(names: Names) -> None:
    """Cache every read of every model for a quarter of an hour."""
    names["CACHEOPS_REDIS"] = _redis()
    names["CACHEOPS"] = {"*.*": {"ops": "all", "timeout": 900}}


def rq(names: Names) -> None:
    """Tasks by RQ."""
    names["RQ_QUEUES"] = {"default": {"URL": _redis()}}
    names["TASKS"] = {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": ["default"]}}


def fennel(names: Names) -> None:
    """Tasks by Celery: docs/scaling.md."""
    names["TASKS"] = {"default": {"BACKEND": "django_tasks_fennel.CeleryBackend"}}
    names["CELERY_BROKER_URL"] = os.environ.get("STACK_RABBITMQ") or _redis()
    names["CELERY_TASK_IGNORE_RESULT"] = True
    names["CELERY_TASK_PUBLISH_RETRY"] = False
    names["CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP"] = True


def sentry(names: Names) -> None:
    """sentry-sdk with its defaults; what it would send is written to a file."""
    import sentry_sdk  # noqa: PLC0415
    from sentry_sdk.transport import Transport  # noqa: PLC0415

    sent = names["FOLDER"] / "tracker.log"

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            with sent.open("a") as file:
                for item in envelope.items:
                    file.write(json.dumps(item.get_event() or repr(item.payload.get_bytes()), default=repr) + "\n")

    sentry_sdk.init(dsn="https://key@tracker.invalid/1", transport=Kept)


def opentelemetry(names: Names) -> None:
    """Spans of Django's requests and of ours, written to a file."""
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor  # noqa: PLC0415

    provider = TracerProvider()
    kept = (names["FOLDER"] / "tracker.log").open("a", buffering=1)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=kept)))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()


def prometheus_database(names: Names) -> None:
    """The backend that counts queries."""
    names["DATABASES"]["default"]["ENGINE"] = "django_prometheus.db.backends.sqlite3"


def simple_history(names: Names) -> None:
    """Keep a history of invoices: registered by an app of its own, after ours."""
    names["INSTALLED_APPS"].append("tests.stacks.shop.history")


def debug_toolbar(names: Names) -> None:
    """Shown to everybody, on every page."""
    names["DEBUG"] = True
    names["DEBUG_TOOLBAR_CONFIG"] = {"SHOW_TOOLBAR_CALLBACK": lambda request: True, "IS_RUNNING_TESTS": False}


def tenants(names: Names) -> None:
    """Everything in the public schema; the shop's orders in a tenant's, too."""
    names["INSTALLED_APPS"].insert(0, "django_tenants")
    names["INSTALLED_APPS"].append("tests.stacks.shop.tenancy")
    names["SHARED_APPS"] = list(names["INSTALLED_APPS"])
    names["TENANT_APPS"] = ["tests.stacks.shop.apps.StackShopConfig"]
    names["TENANT_MODEL"], names["TENANT_DOMAIN_MODEL"] = "tenancy.Client", "tenancy.Domain"
    names["DATABASE_ROUTERS"] = ["django_tenants.routers.TenantSyncRouter"]
    names["SHOW_PUBLIC_IF_NO_TENANT_FOUND"] = True
    names["PUBLIC_SCHEMA_URLCONF"] = "tests.stacks.shop.urls"


def baton(names: Names) -> None:
    """Its second app goes behind all others."""
    names["INSTALLED_APPS"].append("baton.autodiscover")
