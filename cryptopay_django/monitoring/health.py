"""Serves `health/`: 200 while callbacks, events and resolutions are processed, 503 if they are delayed."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..caching import keep, recall
from ..services.diagnosis import CheckResult, Level, check_health, worst_of
from .access import may_see_details

logger = logging.getLogger("cryptopay_django")

FRESH_SECONDS = 5
_KEY = "cryptopay_django:health"


@never_cache
@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return 200 or 503 and one word. Return the details only with the token.

    Queries the database at most once in a few seconds, and never calls the gateway.
    """
    results = _results()
    is_well = worst_of(results) is not Level.ERROR
    answer: dict[str, Any] = {"status": "ok" if is_well else "failing"}
    if may_see_details(request):
        answer["signs"] = [{"id": result.id, "level": result.level, "found": result.found} for result in results]
    return JsonResponse(answer, status=200 if is_well else 503)


def _results() -> list[CheckResult]:
    kept: list[CheckResult] | None = recall(_KEY)
    if kept is not None:
        return kept
    try:
        results = check_health()
    except (DatabaseError, InterfaceError) as error:
        logger.exception("the database does not answer the health check")
        return [CheckResult("database", Level.ERROR, f"it does not answer: {type(error).__name__}", "See the log.")]
    keep(_KEY, results, FRESH_SECONDS)
    return results
