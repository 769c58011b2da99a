"""Both signatures: known answers, and whatever a forger would try."""

import base64
import hmac

import pytest

from cryptopay_django.exceptions import SignatureError
from cryptopay_django.gateway.signing import (
    SIGNATURE_HEADER,
    sign_callback,
    sign_request,
    verify_callback,
    verify_request,
)

BODY = b'{"a":1}'
DATE = "Tue, 25 Sep 2018 17:41:40 GMT"
SECRET = "hzeRDX54BYleXGwGm2YEWR4Ony1_ZU2lSTpAuxhW1gQ"
REQUEST = {"secret": "secret", "method": "POST", "path": "/api/invoices", "date": DATE, "body": BODY}
REQUEST_SIGNATURE = "LzKIaJD++v83tRNlLTfNu2nLM90="
CALLBACK_SIGNATURE = "fe69a221db4dadfaf1cd3f8699ecdcb36f18868821f218e7989ec51d321e0867"


def test_a_request_is_signed_as_the_protocol_says():
    assert sign_request(**REQUEST) == REQUEST_SIGNATURE
    assert verify_request(REQUEST_SIGNATURE, **REQUEST)


def test_the_method_is_signed_in_capitals():
    assert sign_request(**{**REQUEST, "method": "post"}) == REQUEST_SIGNATURE


def test_an_empty_body_is_not_hashed():
    text = f"GET\n\napplication/json\n{DATE}\n/api/coins?x=1".encode()
    expected = base64.b64encode(hmac.digest(b"secret", text, "sha1")).decode()

    request = {"secret": "secret", "method": "GET", "path": "/api/coins?x=1", "date": DATE}
    assert sign_request(**request) == expected
    assert verify_request(expected, **request)
    assert sign_request(**request, body=b"{}") != expected


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "Secret"},
        {"method": "PATCH"},
        {"path": "/api/invoices?"},
        {"path": "/api/Invoices"},
        {"date": "Tue, 25 Sep 2018 17:41:40 +0000"},
        {"body": b'{"a":1} '},
        {"body": b""},
    ],
)
def test_a_request_changed_anywhere_does_not_verify(change):
    assert not verify_request(REQUEST_SIGNATURE, **{**REQUEST, **change})


@pytest.mark.parametrize("signature", ["", "é", "\ud800", REQUEST_SIGNATURE[:-1], REQUEST_SIGNATURE.lower()])
def test_a_request_with_another_signature_does_not_verify(signature):
    assert not verify_request(signature, **REQUEST)


def test_the_header_of_a_callback_has_the_protocols_name():
    assert SIGNATURE_HEADER == "X-Cryptopay-Signature"


def test_a_callback_is_signed_as_the_protocol_says():
    assert sign_callback(BODY, secret=SECRET) == CALLBACK_SIGNATURE
    assert verify_callback(BODY, CALLBACK_SIGNATURE, secrets=[SECRET]) == 0


def test_verifying_a_callback_tells_which_secret_signed_it():
    assert verify_callback(BODY, CALLBACK_SIGNATURE, secrets=["newer", SECRET, "older"]) == 1


def test_the_first_of_equal_secrets_counts():
    assert verify_callback(BODY, CALLBACK_SIGNATURE, secrets=["", SECRET, SECRET]) in (0, 1)


@pytest.mark.parametrize("body", [b"", BODY + b"\n", b'{"a":2}', b"\xff\xfe"])
def test_a_callback_with_another_body_is_refused(body):
    with pytest.raises(SignatureError):
        verify_callback(body, CALLBACK_SIGNATURE, secrets=[SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        CALLBACK_SIGNATURE.upper(),
        CALLBACK_SIGNATURE[:-1],
        CALLBACK_SIGNATURE + "0",
        CALLBACK_SIGNATURE + "\n",
        " " + CALLBACK_SIGNATURE,
        "0x" + CALLBACK_SIGNATURE[2:],
        CALLBACK_SIGNATURE[:-1] + "é",
        CALLBACK_SIGNATURE[:-1] + "٧",
        "\ud800" * 64,
        "0" * 64,
        f"{CALLBACK_SIGNATURE},{CALLBACK_SIGNATURE}",
    ],
)
def test_a_callback_with_another_signature_is_refused(signature):
    with pytest.raises(SignatureError):
        verify_callback(BODY, signature, secrets=[SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_no_callback_is_accepted_not_even_one_signed_with_nothing(secrets):
    with pytest.raises(SignatureError):
        verify_callback(BODY, sign_callback(BODY, secret=""), secrets=secrets)


def test_a_refusal_shows_neither_secret_nor_signature():
    with pytest.raises(SignatureError) as refusal:
        verify_callback(b"other", CALLBACK_SIGNATURE, secrets=[SECRET])

    assert SECRET not in str(refusal.value)
    assert CALLBACK_SIGNATURE not in str(refusal.value)
