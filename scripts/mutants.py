"""The small changes that `scripts/mutate.py` tries in a module: mutmut's, each known by the lines that it changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst import matchers
from mutmut.mutation.mutators import mutation_operators

NOT_CHANGED = matchers.OneOf(
    matchers.Annotation(),
    matchers.Import(),
    matchers.ImportFrom(),
    # A docstring.
    matchers.SimpleStatementLine([matchers.Expr(matchers.SimpleString())]),
    # How a log is worded is no promise; nor is how an error is, see below.
    matchers.Call(func=matchers.Attribute(value=matchers.Name("logger"))),
)
TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


@dataclass(frozen=True)
class Mutant:
    """One change of a module, in the way in which `scripts/plant.py` plants one."""

    file: str
    line: int
    within: str
    in_function: bool
    old: str
    new: str
    text: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is shown."""
        change = f"{self.old or '(nothing)'} -> {self.new or '(nothing)'}"
        return f"{self.file}:{self.line}, {self.within}: {change}"

    def plant(self, _: str) -> str:
        """Return the file's text with the change in it."""
        return self.text


def mutants_of(file: str, text: str, tests: tuple[str, ...]) -> list[Mutant]:
    """Return every change of a module that leaves it readable; two that come to the same are one."""
    module = cst.parse_module(text)
    found = dict[str, Mutant]()
    for statement in module.body:
        code, visitor = module.code_for_node(statement), _Visitor()
        statement.visit(visitor)
        for within, in_function, node, changed in visitor.found:
            mutated = statement.deep_replace(node, changed)
            assert isinstance(mutated, cst.CSTNode)
            whole = text.replace(code, module.code_for_node(mutated), 1)
            line, old, new = _changed_lines(text, whole)
            found.setdefault(whole, Mutant(file, line, within, in_function, old, new, whole, tests))
    return [mutant for mutant in found.values() if mutant.text != text and _compiles(mutant)]


class _Visitor(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool, cst.CSTNode, cst.CSTNode]] = []
        self._within: list[cst.FunctionDef | cst.ClassDef] = []
        self._raising = False

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._within.append(node)
        self._raising = self._raising or isinstance(node, cst.Raise)
        if matchers.matches(node, NOT_CHANGED) or (self._raising and isinstance(node, TEXT)):
            return False
        within = ".".join(outer.name.value for outer in self._within) or "module"
        in_function = any(isinstance(outer, cst.FunctionDef) for outer in self._within)
        self.found += [(within, in_function, node, changed) for changed in self._changes(node)]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._within.pop()
        if isinstance(original_node, cst.Raise):
            self._raising = False

    def _changes(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in operator(node):
                    if not (self._raising and _loses_text(node, changed)):
                        yield changed


def _loses_text(node: cst.CSTNode, changed: cst.CSTNode) -> bool:
    """Whether a call has one text less among its arguments than before."""

    def texts(call: cst.CSTNode) -> int:
        return sum(isinstance(argument.value, TEXT) for argument in call.args) if isinstance(call, cst.Call) else 0

    return texts(changed) < texts(node)


def _changed_lines(before: str, after: str) -> tuple[int, str, str]:
    """Return where two texts begin to differ, and the lines that do, before and after."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    first = int(lines[0].split()[1].split(",")[0].lstrip("-")) if lines else 0
    old, new = (" / ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return first, old, new


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.text, mutant.file, "exec")
    except SyntaxError:
        return False
    return True
