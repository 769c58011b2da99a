"""Builds the site of the documentation: `make docs`. Its pages are the Markdown files of this folder."""

import inspect
import os
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django  # noqa: E402  settings are chosen before
from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist  # noqa: E402
from django.db import models  # noqa: E402
from pygments.lexers.special import TextLexer  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

django.setup()

from outside import point_inside  # noqa: E402

import cryptopay_django  # noqa: E402  its models need the apps

project = "cryptopay_django"
author = "the authors of cryptopay_django"
release = version = cryptopay_django.__version__
language = "en"

extensions = [
    "myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinxcontrib.mermaid",
]  # fmt: skip
exclude_patterns = ["README.md", "_build"]
nitpicky = True
nitpick_ignore = [("py:class", "collections.abc.Callable")]  # of the standard library, which is not linked
default_role = "code"

myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

# Of one version: another may draw the same text in another way.
mermaid_version = "11.12.0"
mermaid_fullscreen = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures are short; the guides show the types at work
autodoc_default_options = {"members": True, "no-value": True}
python_display_short_literal_types = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"cryptopay_django {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"


def read_source(app: Sphinx, document: str, content: list[str]) -> None:
    content[0] = point_inside(content[0], folder=document.rpartition("/")[0])


def write_docstring(app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Set indented examples and drawn trees as code, and list fields with their help texts, and choices."""
    for number, line in enumerate(lines[:-2]):
        if line.endswith(":") and not lines[number + 1] and lines[number + 2].startswith("    "):
            lines[number] = f"{line}:"
    paragraphs = "\n".join(lines).split("\n\n")
    drawn = ["::\n\n" + indent(part, "    ") if "\n├" in part else part for part in paragraphs]
    lines[:] = "\n\n".join(drawn).split("\n")
    if inspect.isclass(thing) and issubclass(thing, models.Model):
        fields = [field for field in thing._meta.get_fields() if isinstance(field, models.Field) and field.help_text]
        lines += ["", ".. rubric:: Fields", ""]
        lines += [f"- ``{field.name}``: {' '.join(str(field.help_text).split())}" for field in fields]
    if inspect.isclass(thing) and issubclass(thing, models.Choices):
        lines += ["", "Values: " + ", ".join(f"``{value!r}``" for value in thing.values) + "."]


def write_signature(
    app: Sphinx, kind: str, name: str, thing: Any, options: Any, arguments: str, result: str
) -> tuple[str, str] | None:
    """Leave out how rows and choices are made: by services, and by Django."""
    return ("", "") if inspect.isclass(thing) and issubclass(thing, (models.Model, models.Choices)) else None


def skip(app: Sphinx, kind: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out the exceptions that Django makes for each model."""
    is_djangos = inspect.isclass(thing) and issubclass(thing, (ObjectDoesNotExist, MultipleObjectsReturned))
    return True if is_djangos else None


def setup(app: Sphinx) -> None:
    # What Pygments has no lexer for: lines of cron, and requests in short.
    app.add_lexer("cron", TextLexer)
    app.add_lexer("http", TextLexer)
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", write_docstring)
    app.connect("autodoc-process-signature", write_signature)
    app.connect("autodoc-skip-member", skip)
