"""Keeps secrets out of error reports.

Error trackers and Django's error report show the local variables of every frame of a traceback, also those of
`requests`, which contain the Authorization header.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def hide_locals(function: Callable[P, R]) -> Callable[P, R]:
    """Remove the local variables of a function, and of all functions that it calls, from exceptions that leave it.

    Types, messages, files and lines stay. Use it for functions that take or read secrets, but not for generators.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        handled = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            _clear(error, handled)
            del args, kwargs, handled
            raise

    return call


def _clear(error: BaseException, handled: BaseException | None) -> None:
    """Clear the frames of an exception and of its causes, up to the exception that was handled before."""
    waiting: list[BaseException | None] = [error]
    seen = {id(None), id(handled)}
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
