#!/usr/bin/env bash
# drf-idempotency 1.0.0, drf-idempotencykey 0.2.0, Django 5.2.19, Django REST framework 3.17.2 (PyPI, Python 3.11): the same key
# again, after the first answer was none that the client wanted.
#
# Guess beforehand: after an error (500), or an answer that asks the client to come again (429), the key is free, and the request
# is worked on; a request to another address, or with another query, is not answered with an answer that was stored.
# Seen: drf-idempotency gives the 429 again for as long as it keeps keys, a day, without Retry-After having a meaning; the query
# is no part of the request for it, so that order 18 is answered with the payment of order 17. drf-idempotencykey keeps the key of
# a view that raised as "in progress" for an hour, and says "try again in 5 seconds" each time.
# Consequence: a client that does as it is told never pays. Put the order into the body or the path, answer 503 where a repeat
# shall work, and with drf-idempotencykey set ATOMIC_REQUESTS, which takes the key back with the rest.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check drf-idempotency==1.0.0 drf-idempotencykey==0.2.0 django==5.2.19 \
  djangorestframework==3.17.2
cat >"$folder/shop.py" <<'PYTHON'
import sys
from uuid import NAMESPACE_URL, uuid5

import django
from django.conf import settings

package, atomic = sys.argv[1], "atomic" in sys.argv
settings.configure(
    SECRET_KEY="not secret",
    ROOT_URLCONF="__main__",
    ALLOWED_HOSTS=["testserver"],
    USE_TZ=True,
    LOGGING_CONFIG=None,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": atomic}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", package],
    MIDDLEWARE=["drf_idempotency.middleware.IdempotencyMiddleware"] if package == "drf_idempotency" else [],
    IDEMPOTENCY={"BACKEND": "drf_idempotency.backends.database.DatabaseBackend"},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

call_command("migrate", verbosity=0)
bases = (APIView,)
if package == "drf_idempotencykey":
    from drf_idempotencykey.mixins import DrfIdempotencyKeyMixin

    bases = (DrfIdempotencyKeyMixin, APIView)


class Pay(*bases):
    mood = "well"

    def post(self, request):
        if Pay.mood == "raises":
            raise RuntimeError
        if Pay.mood == "busy":
            return Response("busy", status=429, headers={"Retry-After": "1"})
        return Response(f"order {request.query_params.get('order', 17)} is paid", status=201)


urlpatterns = [path("pay/", Pay.as_view())]
client = APIClient(raise_request_exception=False)
client.force_authenticate(User.objects.create_user("ada"))


def post(key, mood="well", address="/pay/"):
    Pay.mood = mood
    answer = client.post(address, {"amount": "50.00"}, format="json", headers={"Idempotency-Key": str(uuid5(NAMESPACE_URL, key))})
    text = answer.json() if answer.status_code in (201, 429) else f"Retry-After {answer.headers.get('Retry-After')}"
    return f"{answer.status_code} {text}"


print(package, *["with ATOMIC_REQUESTS"] * atomic)
print("  busy:", post("busy", "busy"), "| again:", post("busy"))
print("  raises:", post("raises", "raises"), "| again:", post("raises"))
print("  order 17:", post("order", address="/pay/?order=17"), "| order 18:", post("order", address="/pay/?order=18"))
PYTHON
for package in drf_idempotency drf_idempotencykey "drf_idempotencykey atomic"; do
    "$folder/venv/bin/python" "$folder/shop.py" $package 2>/dev/null
done >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
drf_idempotency
  busy: 429 busy | again: 429 busy
  raises: 500 Retry-After None | again: 201 order 17 is paid
  order 17: 201 order 17 is paid | order 18: 201 order 17 is paid
drf_idempotencykey
  busy: 429 busy | again: 201 order 17 is paid
  raises: 500 Retry-After None | again: 409 Retry-After 5
  order 17: 201 order 17 is paid | order 18: 409 Retry-After None
drf_idempotencykey with ATOMIC_REQUESTS
  busy: 429 busy | again: 201 order 17 is paid
  raises: 500 Retry-After None | again: 201 order 17 is paid
  order 17: 201 order 17 is paid | order 18: 409 Retry-After None
SEEN
