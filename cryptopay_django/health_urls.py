"""`path("cryptopay/", include("cryptopay_django.health_urls"))`: what monitoring asks. Opt-in.

`metrics/` is there where the extra `prometheus` is installed.
"""

from importlib.util import find_spec

from django.urls import path

from .monitoring import health

app_name = "cryptopay_django_health"

urlpatterns = [path("health/", health.health, name="health")]

if find_spec("prometheus_client"):
    from .monitoring import metrics

    urlpatterns.append(path("metrics/", metrics.metrics, name="metrics"))
