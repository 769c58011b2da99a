#!/usr/bin/env bash
# drf-idem 0.1.1, Django 5.2.19, Django REST framework 3.17.2 (PyPI, Python 3.11): a request that is repeated with its
# X-Request-ID.
#
# Guess beforehand: the view is not called again, as the readme says ("Business logic is not executed"), and the answer is the
# first one.
# Seen: the answer is the first one, and the view was called again, in full. The stored answer only takes the place of the new
# one, so that the client hears of one charge where there are two or three.
# Consequence: a repeated payment is made twice, and each log of answers shows one. Let a unique column with the request's id
# refuse the second, in the transaction that writes the charge.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check drf-idem==0.1.1 django==5.2.19 djangorestframework==3.17.2
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

memory = "django.core.cache.backends.locmem.LocMemCache"
settings.configure(
    SECRET_KEY="not secret",
    ROOT_URLCONF="__main__",
    ALLOWED_HOSTS=["testserver"],
    CACHES={"default": {"BACKEND": memory}, "drf_idem": {"BACKEND": memory, "LOCATION": "requests"}},
    MIDDLEWARE=["drf_idem.middleware.IdempotencyMiddleware"],
    DRF_IDEM={"CACHE_BACKEND": "drf_idem"},
)
django.setup()
from django.http import JsonResponse
from django.test import Client
from django.urls import path

charges = []


def charge(request):
    charges.append(request.POST["amount"])
    return JsonResponse({"charge": len(charges), "amount": charges[-1]}, status=201)


urlpatterns = [path("charge/", charge)]
for _ in range(3):
    answer = Client().post("/charge/", {"amount": "50.00"}, headers={"X-Request-ID": "order-17"})
    print(answer.status_code, answer.json(), "| charged so far:", *charges)
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
201 {'charge': 1, 'amount': '50.00'} | charged so far: 50.00
201 {'charge': 1, 'amount': '50.00'} | charged so far: 50.00 50.00
201 {'charge': 1, 'amount': '50.00'} | charged so far: 50.00 50.00 50.00
SEEN
