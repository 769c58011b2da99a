#!/usr/bin/env bash
# django-idempotency-key 1.3.0, Django 5.2.19 (PyPI, Python 3.11): the same request, with the same key, arrives while the first one
# is still being answered.
#
# Guess beforehand: the second waits for the first, or is answered 423; the lock is on by default, and the readme has it for threads
# that call the same view at the same time.
# Seen: both are in the view at the same time, and both charge. The lock is held while the stored answer is looked up, and given back
# before the view is called. A third request, after the first was answered, is answered 409 and does not charge.
# Consequence: the key helps against a customer who presses twice slowly, not against a client that repeats after a short time-out.
# Let the database refuse the second: a unique column with the key, written before the charge.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-idempotency-key==1.3.0 django==5.2.19 \
  djangorestframework==3.16.1
cat >"$folder/shop.py" <<'PYTHON'
import threading

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    ROOT_URLCONF="__main__",
    ALLOWED_HOSTS=["testserver"],
    MIDDLEWARE=["idempotency_key.middleware.IdempotencyKeyMiddleware"],
)
django.setup()
from django.http import HttpResponse
from django.test import Client
from django.urls import path

charges = []
both_are_in = threading.Barrier(2, timeout=10)


def charge(request):
    if len(charges) < 2:
        try:
            both_are_in.wait()
        except threading.BrokenBarrierError:
            print("the second was not let in")
    charges.append("50.00")
    return HttpResponse("charged")


urlpatterns = [path("charge/", charge)]
# One client: it has one middleware, as a server's process has.
client = Client()
client.get("/")


def send(answers):
    answers.append(client.post("/charge/", {"amount": "50.00"}, headers={"Idempotency-Key": "one"}).status_code)


answers = []
requests = [threading.Thread(target=send, args=(answers,)) for _ in range(2)]
for request in requests:
    request.start()
for request in requests:
    request.join()
print("at the same time:", answers, f"{len(charges)} charges")
send(answers)
print("afterwards:", answers[2:], f"{len(charges)} charges")
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
at the same time: [200, 200] 2 charges
afterwards: [409] 2 charges
SEEN
