"""`health/`: 200 while callbacks, events and resolutions are worked off, 503 when they are held up."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..caching import keep, recall
from ..services.diagnosis import Level, Sign, check_health, worst_of
from .access import may_see_figures

logger = logging.getLogger("cryptopay_django")

FRESH_SECONDS = 5
_KEY = "cryptopay_django:health"


@never_cache
@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 or 503 and one word; what was found only to those who have the token.

    Asks the database at most once in a few seconds, however often it is asked, and never the gateway.
    """
    signs = _signs()
    is_well = worst_of(signs) is not Level.ERROR
    answer: dict[str, Any] = {"status": "ok" if is_well else "failing"}
    if may_see_figures(request):
        answer["signs"] = [{"id": sign.id, "level": sign.level, "found": sign.found} for sign in signs]
    return JsonResponse(answer, status=200 if is_well else 503)


def _signs() -> list[Sign]:
    kept: list[Sign] | None = recall(_KEY)
    if kept is not None:
        return kept
    try:
        signs = check_health()
    except (DatabaseError, InterfaceError) as error:
        logger.exception("the database does not answer the health check")
        return [Sign("database", Level.ERROR, f"it does not answer: {type(error).__name__}", "See the log.")]
    keep(_KEY, signs, FRESH_SECONDS)
    return signs
