"""Registers the system checks of the app. Each message names the setting and the remedy.

The modules are imported when checks run: the process of a server runs none, and starts without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Tags, register


@register("cryptopay")
def check_app(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return the messages of all checks but the two that have tags of their own."""
    # Imported here because they bring all of the services.
    from . import accounts, approval_notices, databases, installation, mails, options, project, receivers, urls  # noqa: PLC0415

    checks = (
        accounts.check_accounts,
        accounts.check_credentials,
        databases.check_databases,
        databases.check_autocommit,
        databases.check_isolation,
        databases.check_driver,
        installation.check_installation,
        installation.check_tasks,
        mails.check_mails,
        approval_notices.check_approvals,
        options.check_options,
        project.check_time_zone,
        receivers.check_receivers,
        urls.check_callback_url,
    )
    return [message for check in checks for message in check(app_configs, **kwargs)]


@register(Tags.caches, deploy=True)
def check_cache(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return the message about the project's cache."""
    from .project import check_cache  # noqa: PLC0415  as above

    return check_cache(app_configs, **kwargs)


@register("cryptopay", "admin")
def check_admin(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return the messages about forms of the admin, if it is installed."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from .admin_selects import check_selects  # noqa: PLC0415  cannot be imported without the admin's models

    return check_selects(app_configs, **kwargs)
