"""A cache that is down is an empty one, and a process keeps what it needs by itself."""

import pytest
from django.core.cache.backends.locmem import LocMemCache

from cryptopay_django import caching


class DownCache(LocMemCache):
    """A cache whose server does not answer."""

    def _refuse(self, *args, **options):
        raise ConnectionError("refused")

    get = set = add = _refuse


DOWN = f"{__name__}.DownCache"
KINDS = [
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
    DOWN,
]


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch):
    monkeypatch.setattr(caching, "_memory", caching._Memory())


@pytest.fixture(params=[*KINDS, "not.installed.Cache", ""])
def cache(request, settings):
    name = {"BACKEND": request.param, "LOCATION": request.node.name}
    settings.CACHES = {"default": name} if request.param else {}


def test_what_is_kept_is_there_until_its_time_is_over(cache):
    caching.keep("a", [1], 60)
    caching.keep("b", [2], -1)

    assert (caching.recall("a"), caching.recall("b"), caching.recall("c")) == ([1], None, None)


def test_the_first_who_claims_has_it(cache):
    assert [caching.claim("a", 60), caching.claim("a", 60), caching.claim("b", 60)] == [True, False, True]


def test_a_claim_ends(cache):
    assert [caching.claim("a", -1), caching.claim("a", -1)] == [True, True]


def test_a_cache_that_is_down_is_logged_once_in_a_while(settings, caplog):
    settings.CACHES = {"default": {"BACKEND": DOWN}}

    for _ in range(5):
        caching.recall("a")

    assert [record.getMessage() for record in caplog.records] == [
        "the cache is not available; this process continues without it"
    ]


def test_the_memory_is_bounded(settings):
    settings.CACHES = {"default": {"BACKEND": DOWN}}

    for number in range(caching._AT_MOST + 10):
        caching.keep(str(number), number, 60)

    assert len(caching._memory._kept) <= caching._AT_MOST
    assert caching.recall(str(number)) == number


def test_a_space_of_its_own_finds_nothing_and_leaves_nothing(cache):
    caching.keep("a", [1], 60)

    with caching.empty_space():
        assert (caching.recall("a"), caching.claim("a", 60)) == (None, True)
        caching.keep("a", [2], 60)

    with caching.empty_space():
        assert caching.recall("a") is None
    assert caching.recall("a") == [1]
