"""Links an invoice to an order of the shop: any saved row of any model, by content type and key.

An order that cannot be loaded is None. A parent and its child model, or a model and its proxy, are the same order:
`order_filter` finds the invoices of all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connections, models, router
from django.db.models.fields.composite import CompositePrimaryKey

KEY_LENGTH = 64

_NOT_A_KEY = (ValueError, TypeError, ValidationError, ArithmeticError)
"""What model fields raise for a text that cannot be one of their values."""


def order_pointer(order: models.Model | None) -> dict[str, Any]:
    """Return the two columns of a new invoice that link to an order; raise ValueError if this is not possible."""
    if order is None:
        return {"order_content_type": None, "order_object_id": ""}
    key = order_key(order)
    if order._state.adding:
        raise ValueError("save the order first: an invoice cannot point at a row that does not exist")
    return {"order_content_type": _content_type(_model_of(order)), "order_object_id": key}


def order_filter(order: models.Model) -> dict[str, Any]:
    """Return the lookup for an order's invoices, for all models of the order."""
    return {"order_content_type__in": order_types(_model_of(order)), "order_object_id": order_key(order)}


def order_types(model: type[models.Model]) -> list[ContentType]:
    """Return the content types that the invoices of an order of this model can have."""
    return [_content_type(one) for one in _family(model)]


def order_key(order: models.Model) -> str:
    """Return an order's primary key as text, equal for equal keys; raise ValueError if it has none."""
    if not isinstance(order, models.Model):
        raise ValueError(f"the order must be a saved model instance, not {type(order).__name__}: load it first")  # noqa: TRY004
    name, field = order._meta.label, order._meta.pk
    if isinstance(field, CompositePrimaryKey):
        raise ValueError(f"{name} has a composite primary key: point the invoice at a model with a single one")  # noqa: TRY004
    if order.pk is None:
        raise ValueError("save the order first: an invoice cannot point at a row that does not exist")
    try:
        key = str(field.to_python(order.pk))
    except _NOT_A_KEY as error:
        raise ValueError(f"{order.pk!r} is not a key of {name}") from error
    if not key or len(key) > KEY_LENGTH or "\x00" in key:
        raise ValueError(f"the key of {name} must be 1 to {KEY_LENGTH} characters as text, this one has {len(key)}")
    return key


def order_exists(order: models.Model) -> bool:
    """Return whether the order exists in the primary database. Uses one query."""
    model = _model_of(order)
    return model._base_manager.using(router.db_for_write(model, instance=order)).filter(pk=order.pk).exists()


def _model_of(order: models.Model) -> type[models.Model]:
    """Return an order's model. For a proxy, return its concrete model."""
    return order._meta.concrete_model or type(order)


def _content_type(model: type[models.Model]) -> ContentType:
    """Return a model's content type from the invoices' database."""
    return ContentType.objects.db_manager(_invoices_database()).get_for_model(model)


def _invoices_database() -> str:
    return router.db_for_write(apps.get_model("cryptopay_django", "Invoice"))


def _family(model: type[models.Model]) -> list[type[models.Model]]:
    """Return the models that share the order's key by multi-table inheritance."""
    root = model
    while (parent := _parent(root)) is not None:
        root = parent
    return [root, *(other for other in model._meta.apps.get_models() if root in _ancestors(other))]


def _ancestors(model: type[models.Model]) -> Iterator[type[models.Model]]:
    while not model._meta.proxy and (parent := _parent(model)) is not None:
        yield parent
        model = parent


def _parent(model: type[models.Model]) -> type[models.Model] | None:
    """Return the model whose primary key this model shares, by multi-table inheritance."""
    remote = model._meta.pk.remote_field
    if remote is None or not getattr(remote, "parent_link", False):
        return None
    return remote.model._meta.concrete_model


class OrderLink(GenericForeignKey):
    """A generic foreign key that works with two databases. It is None if its row cannot be loaded.

    Content types are those of the invoice's database. The order is read from the database that the shop's router
    chooses. If the invoice was read from its primary, so is the order. So a receiver never sees an old order.
    """

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002
        super().contribute_to_class(cls, name, **kwargs)
        # From Django 6.1 on, GenericForeignKey would add its own descriptor, which loads the order in the usual way.
        setattr(cls, name, self)

    def __set__(self, instance: Any, value: Any) -> None:
        setattr(instance, self.ct_field, None if value is None else self.get_content_type(obj=value))
        setattr(instance, self.fk_field, None if value is None else value.pk)
        self.set_cached_value(instance, value)

    def get_content_type(self, obj: Any = None, id: Any = None, using: Any = None, model: Any = None) -> Any:  # noqa: A002
        if obj is not None:
            return _content_type(_model_of(obj))
        return super().get_content_type(id=id, using=using, model=model)

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        found = self.get_cached_value(instance, default=None)
        key = self._key_of(instance)
        if self.is_cached(instance) and (found is None or key == self._key_of_order(found)):
            return found
        found = next(self._load([instance], key[0]), None) if key else None
        self.set_cached_value(instance, found)
        return found

    def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> Any:
        """Load the orders of many invoices, with one query for each model.

        Orders that cannot be loaded are left out.
        """
        if querysets:
            raise ValueError(f"{self.name} is prefetched as it is, without a queryset of its own")
        by_type: dict[type[models.Model], list[Any]] = defaultdict(list)
        for instance in instances:
            if key := self._key_of(instance):
                by_type[key[0]].append(instance)
        found = [order for model, group in by_type.items() for order in self._load(group, model)]
        return found, self._key_of_order, self._key_of, True, self.name, False

    def _key_of(self, instance: Any) -> tuple[type[models.Model], Any] | None:
        """Return the model and key that an invoice links to, or None if one of them does not exist."""
        type_id = getattr(instance, self.model._meta.get_field(self.ct_field).attname)
        if type_id is None:
            return None
        try:
            using = instance._state.db or _invoices_database()
            model = self.get_content_type(id=type_id, using=using).model_class()
            return None if model is None else (model, model._meta.pk.to_python(getattr(instance, self.fk_field)))
        except (ObjectDoesNotExist, *_NOT_A_KEY):
            return None

    def _key_of_order(self, order: models.Model) -> tuple[type[models.Model], Any]:
        return _model_of(order), order._meta.pk.to_python(order.pk)

    def _load(self, instances: Iterable[Any], model: type[models.Model]) -> Iterator[models.Model]:
        """Yield the orders of invoices that all link to one model."""
        wanted: dict[str, set[Any]] = defaultdict(set)
        for instance in instances:
            is_primary = instance._state.db in (None, _invoices_database())
            using = router.db_for_write(model) if is_primary else router.db_for_read(model)
            key = self._key_of(instance)
            if key is not None and _fits(model, key[1], using):
                wanted[using].add(key[1])
        for using, keys in wanted.items():
            yield from model._base_manager.using(using).filter(pk__in=keys)


def _fits(model: type[models.Model], key: Any, using: str) -> bool:
    """Return whether the column can store a key. On PostgreSQL, a larger number would break the transaction."""
    field: Any = model._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    if not isinstance(field, models.IntegerField):
        return "\x00" not in str(key)
    least, most = connections[using].ops.integer_field_range(field.get_internal_type())
    return not ((least is not None and key < least) or (most is not None and key > most))
