"""URLs of our own pages, wherever the project has put them."""

from uuid import UUID

import pytest
from django.urls import NoReverseMatch

from cryptopay_django.links import path_of

INVOICE = UUID("11111111-1111-4111-8111-111111111111")


def test_of_several_places_the_one_is_used_that_needs_no_other_argument(settings):
    settings.ROOT_URLCONF = "tests.urls_twice"

    assert path_of("checkout", INVOICE) == f"/crypto/checkout/{INVOICE}/"
    assert path_of("account-callback", "outlet") == "/crypto/callbacks/outlet/"


def test_in_a_namespace_of_the_project_they_are_found(settings):
    settings.ROOT_URLCONF = "tests.urls_nested"

    assert path_of("checkout", INVOICE) == f"/pay/crypto/checkout/{INVOICE}/"


@pytest.mark.parametrize("urlconf", ["tests.urls_nothing", "tests.urls_twice"])
def test_what_is_nowhere_is_an_error(settings, urlconf):
    settings.ROOT_URLCONF = urlconf

    with pytest.raises(NoReverseMatch):
        path_of("checkout", INVOICE, "too much")
