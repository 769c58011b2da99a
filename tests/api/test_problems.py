"""Errors as problem details, one by one: what every client reads, and what is left to Django."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions as rest

from cryptopay_django.api.problems import problem_response


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (rest.NotAuthenticated(), 401, "not_authenticated"),
    ],
)
def test_what_django_and_the_framework_raise_is_a_problem(error, status, code):
    response = problem_response(error)

    assert (response.status_code, response.data["code"]) == (status, code)


def test_how_to_log_in_is_told_in_the_header():
    error = rest.NotAuthenticated()
    error.auth_header = 'Bearer realm="api"'

    assert problem_response(error)["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_bug_is_no_problem_but_djangos_to_report():
    assert problem_response(KeyError("a bug")) is None
