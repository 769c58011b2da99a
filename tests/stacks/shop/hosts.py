"""One host for everything: django-hosts."""

from django_hosts import host, patterns

host_patterns = patterns("", host(r".*", "tests.stacks.shop.urls", name="any"))
