"""People by their number: no user name, a UUID as key, and an address that is not called "email"."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class People(BaseUserManager["Person"]):
    """Makes people, as Django's own manager makes users."""

    def create_superuser(self, number: str, mail: str, password: str, **more: Any) -> Person:
        person = self.model(number=int(number), mail=mail, is_staff=True, is_superuser=True, **more)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who can log in."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.PositiveIntegerField(unique=True)
    mail = models.EmailField(blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = People()

    USERNAME_FIELD = "number"
    EMAIL_FIELD = "mail"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["mail"]
