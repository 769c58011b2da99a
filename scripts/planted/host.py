"""Mistakes in how this app lives with its host: what a shop saves, other apps' receivers, drivers, databases."""

from __future__ import annotations

from .bug import Bug

PROTECTED = "models/test_protected_columns.py::"
RELEASES = "services/test_resolution.py::"
LISTENERS = "models/test_save_signals.py::"

BUGS = (
    Bug(
        "the shop's save of an older object undoes a payment",
        "models/protected_columns.py",
        'kwargs["update_fields"] = [field.name for field in fields if not is_protected(field)]',
        'kwargs["update_fields"] = [field.name for field in fields]',
        (f"{PROTECTED}test_an_older_object_saves_the_shops_columns_and_undoes_nothing",),
    ),
    Bug(
        "a column of services is changed by the shop without a word",
        "models/protected_columns.py",
        "        if changed:\n            raise ProtectedColumnError",
        "        if False:\n            raise ProtectedColumnError",
        (f"{PROTECTED}test_a_change_of_another_column_is_refused_and_nothing_is_written",),
    ),
    Bug(
        "another app's receiver is called within a transition",
        "fields.py",
        "        result = method(instance, *args, **kwargs)\n",
        "        from django_fsm.signals import pre_transition\n\n"
        "        pre_transition.send(sender=type(instance), instance=instance, name=method.__name__)\n"
        "        result = method(instance, *args, **kwargs)\n",
        ("models/test_transitions.py::test_other_apps_are_not_called_within_a_transition",),
    ),
    Bug(
        "a receiver of post_save that fails rolls the merge back",
        "models/save_signals.py",
        "signal.send_robust(model, **known) if isinstance(answer, Exception)]",
        "signal.send(model, **known) if isinstance(answer, Exception)]",
        (f"{LISTENERS}test_a_receiver_that_fails_takes_nothing_of_the_others_with_it",),
    ),
    Bug(
        "audit logs are not called",
        "models/save_signals.py",
        "    if not has_listeners(type(row)):\n",
        "    if True:\n",
        (f"{LISTENERS}test_a_new_row_is_announced_as_one",),
    ),
    Bug(
        "a driver whose statements cannot be kept stops every callback",
        "models/sql_cache.py",
        "    _statements(using)[key] = None\n",
        "    raise error\n",
        ("models/test_otherwise.py::test_the_orm_is_used_and_the_log_says_so_once",),
    ),
    Bug(
        "orders in another database pass the check",
        "checks/databases.py",
        "        if database not in (ours, *accepted)\n",
        "        if False\n",
        ("checks/test_project.py::test_orders_in_another_database_are_an_error_whichever_of_the_two_is_moved",),
    ),
    Bug(
        "brackets within strings count as nesting",
        "gateway/strictjson.py",
        "        elif not is_inside and len(mark) == 1:\n",
        "        elif len(mark) == 1:\n",
        ("gateway/test_strictjson.py::test_brackets_in_strings_and_beside_each_other_are_not_nesting",),
    ),
    Bug(
        "a release lets go of what the person did not see",
        "services/resolution/release.py",
        "    if locked.version != expected:\n",
        "    if False:\n",
        (f"{RELEASES}test_nothing_is_released_that_the_person_did_not_see",),
    ),
    Bug(
        "an accepted contradiction holds the invoice again at the next look",
        "services/resolution/release.py",
        "    accepted = _accept(locked) if locked.quarantine_reason else {}\n",
        "    accepted: dict[str, tuple[Any, Any]] = {}\n",
        (f"{RELEASES}test_what_the_gateway_says_otherwise_is_accepted_once_and_then_the_invoice_completes",),
    ),
)
