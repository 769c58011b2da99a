"""Trying mutants without starting anew: tests are collected once, and each fork gets other code in its functions.

Quick, and only believed when a test fails: what is decided when a module is imported stays as it was.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from django.db import connections

from scripts.mutants import Mutant


class Judge:
    """A pytest plugin that runs the tests in a fork as they are, and then for each mutant, up to a failure.

    Writes a line for each mutant that was caught: its name, and the place of the test that failed.
    """

    def __init__(self, module: str, mutants: Sequence[Mutant], caught: Path) -> None:
        self._module, self._mutants, self._caught = module, mutants, caught
        self._likely = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests, again and again; here only the first, which sets up what all share."""
        module = importlib.import_module(self._module)
        first, *_ = session.items
        first.config.hook.pytest_runtest_protocol(item=first, nextitem=session.items[1])
        if session.testsfailed or self._is_caught(session, module):
            raise session.Failed("the tests fail without any change")
        for mutant in self._mutants:
            self._is_caught(session, module, mutant)
        if self._is_caught(session, module):
            raise session.Failed("a change has spoilt something for those after it, so nothing is sure")
        return True

    def _is_caught(self, session: pytest.Session, module: ModuleType, mutant: Mutant | None = None) -> bool:
        """Tell whether a test fails with this mutant; without one, as things are."""
        connections.close_all()
        before = len(self._caught.read_text())
        if not (child := os.fork()):
            self._try(session, module, mutant)
        os.waitpid(child, 0)
        found = self._caught.read_text()
        if is_caught := len(found) > before:
            self._likely = json.loads(found.splitlines()[-1])["by"]
        return is_caught

    def _try(self, session: pytest.Session, module: ModuleType, mutant: Mutant | None) -> None:
        """Run the tests, in a process that ends with them."""
        try:
            if mutant is not None:
                swap(module, mutant.text)
            by = _first_failure(session, self._likely)
            if by is not None:
                with self._caught.open("a") as lines:
                    lines.write(json.dumps({"name": mutant and mutant.name, "by": by}) + "\n")
        finally:
            os._exit(0)


def _first_failure(session: pytest.Session, likely: int) -> int | None:
    """Run the tests, the likely one first; return the place of the first that fails. The session stays set up."""
    order: list[int] = list(dict.fromkeys((likely, *range(len(session.items)))))
    items = [session.items[place] for place in order]
    # What was set up for the test before goes, what the session shares stays.
    session._setupstate.teardown_exact(items[0])
    for place, item, following in zip(order, items, [*items[1:], items[0]], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return place
    return None


def swap(module: ModuleType, text: str) -> None:
    """Give the functions of a module the code that they have in this text. Raises what the text raises."""
    fresh = ModuleType(module.__name__)
    fresh.__package__, fresh.__file__ = module.__package__, module.__file__
    sys.modules[module.__name__] = fresh
    try:
        exec(compile(text, str(module.__file__), "exec"), fresh.__dict__)
    finally:
        sys.modules[module.__name__] = module
    theirs = dict(_functions(fresh, module.__name__))
    for name, ours in _functions(module, module.__name__):
        for part in ("__code__", "__defaults__", "__kwdefaults__"):
            setattr(ours, part, getattr(theirs[name], part))


def _functions(owner: ModuleType | type, module: str) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions and methods that a module defines, each by its qualified name."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, type) and value.__module__ == module and value.__name__ == name:
            yield from _functions(value, module)
            continue
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        function = inspect.unwrap(function) if callable(function) else function
        if isinstance(function, FunctionType) and function.__module__ == module:
            yield function.__qualname__, function
