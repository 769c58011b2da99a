"""Identifies the people who decide: by user id if there is a user, and by name if a script gives only a name.

A name is for people to read. It can change, belong to two users, be a number or a long e-mail address; an id cannot.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import models, router

from ...exceptions import NotPermittedError
from ...models.event import NAME_LENGTH
from ...permissions import Act, may

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


@dataclass(frozen=True, slots=True)
class Person:
    """A person who does something. Without a `user_id` only the name is known, and no permission is checked."""

    name: str
    user_id: str = ""
    user: Any = field(default=None, repr=False, compare=False)

    def is_same(self, name: str, user_id: str) -> bool:
        """Return whether this may be the person on record: by id where both have one, by name where one has none."""
        if self.user_id and user_id:
            return self.user_id == user_id
        return _folded(self.name) == _folded(name)


Actor: TypeAlias = "str | AbstractBaseUser | AnonymousUser | Person"
"""Who does something: a user, or a name where a script has no user."""


def person_of(actor: Actor) -> Person:
    """Return the person that a user or a name stands for; the name is cut to what a column holds.

    Anything else is a person without a name, whom no service accepts.
    """
    if isinstance(actor, Person):
        return actor
    if isinstance(actor, str):
        return Person(_cut(actor))
    if not hasattr(actor, "get_username"):
        return Person("")
    key = getattr(actor, "pk", None)
    return Person(_cut(str(actor.get_username())), "" if key is None else _cut(str(key)), actor)


def check_permitted(person: Person, *acts: Act) -> None:
    """Raise NotPermittedError unless the user, as the database has it now, may do all of this.

    Call it under the lock of the row: a permission that was taken away meanwhile counts. A name without a user is
    not checked.
    """
    if person.user is None:
        return
    if not may(_fresh(person.user), *acts):
        needed = ", ".join(f"cryptopay_django.{act}" for act in acts)
        raise NotPermittedError(
            f"{person.name} may not do this (it takes {needed}, and leave to see what it is done to)"
        )


def _fresh(user: Any) -> Any:
    """Return the user as the database has it: its permissions are read anew. None when it is gone."""
    if not isinstance(user, models.Model):
        return user  # a user of a token: what it may do stands in the token
    # `_meta.model`: a request's user is wrapped, and its type is not that of the model.
    kind: type[models.Model] = user._meta.model
    return kind._base_manager.using(router.db_for_write(kind)).filter(pk=user.pk).first()


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 1]}…"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
