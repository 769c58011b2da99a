"""Writes HTML as nested calls. Every text is escaped here and nowhere else, so that no page can forget it."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"br", "input", "link", "meta"})


class Html(str):
    """Markup that is safe as it stands. Only this module and the drawings make any."""

    __slots__ = ()


def el(tag: str, /, *children: object, **attributes: str | int | bool | None) -> Html:
    """Return an element. Children that are no Html are escaped; lists are flattened, None is left out.

    `class_` stands for class, `data_copy` for data-copy; True is a bare attribute, None and False are none.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def join(*children: object) -> Html:
    """Return children one after the other."""
    return Html("".join(_spell(child) for child in children))


def _spell(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, list | tuple):
        return join(*child)
    return escape(str(child))


def _attribute(name: str, value: str | int | bool | None) -> str:  # noqa: FBT001
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
