"""Payment links for tools of staff: made, listed, read and cancelled, each with its permission."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cryptopay_django.models import Invoice, PaymentLink
from cryptopay_django.services import cancel_payment_link, create_payment_link

from .conftest import problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cryptopay_sandbox")]

ALL = ("view_link", "make_link", "cancel_link")


def make(person, **body):
    url = reverse("cryptopay_django_api:payment-links")
    return person.client.post(url, body, content_type="application/json")


def link_for(**values) -> PaymentLink:
    return create_payment_link(**{"actor": "ada", "price_currency": "EUR", "price_amount": "10"} | values)


def test_a_link_is_made_and_read(staff, settings):
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"
    person = staff(*ALL)

    answer = make(person, price_amount="49.90", price_currency="EUR", description="Workshop", reference="A-17")

    link = PaymentLink.objects.get()
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"/cryptopay/api/desk/payment-links/{link.pk}/")
    assert body["url"] == f"https://shop.example/cryptopay/pay/{link.token}/"
    assert (body["price_amount"], body["description"], body["reference"]) == ("49.9", "Workshop", "A-17")
    assert (body["actor"], body["is_reusable"], body["kind"]) == (person.user.username, False, "link")
    assert person.get("payment-link", link.pk).json() == body
    assert not Invoice.objects.exists()


def test_a_donation_has_bounds(staff):
    make(staff(*ALL), price_currency="EUR", least_amount="5", most_amount="500", is_reusable=True, kind="donation")

    link = PaymentLink.objects.get()
    assert (link.price_amount, link.least_amount, link.most_amount, link.is_reusable) == (None, 5, 500, True)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, (400, "invalid")),
        ({"price_currency": "EUR", "price_amount": 5}, (400, "invalid")),
        ({"price_currency": "EUR", "amount": "5"}, (400, "invalid")),
        ({"price_currency": "EUR", "price_amount": "5", "kind": "gift"}, (400, "invalid")),
        ({"price_currency": "EUR", "price_amount": "5", "expires_at": "1999-01-01T00:00:00Z"}, (400, "invalid")),
    ],
)
def test_a_body_that_is_not_as_described_is_refused(staff, body, answer):
    assert problem_of(make(staff(*ALL), **body)) == answer
    assert not PaymentLink.objects.exists()


def test_what_cannot_be_names_its_field(staff):
    answer = make(staff(*ALL), price_currency="EUR", price_amount="0.001")

    assert problem_of(answer) == (422, "link_invalid")
    assert [error["field"] for error in answer.json()["errors"]] == ["price_amount"]


def test_the_list_is_filtered_and_says_what_was_paid(staff, client, cryptopay_sandbox):
    link, other = link_for(reference="A"), link_for(kind="donation")
    cancel_payment_link(other, actor="ada")
    client.get(f"/cryptopay/pay/{link.token}/")
    client.post(f"/cryptopay/pay/{link.token}/", {"coin": "BTC/bitcoin"})
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    person = staff("view_link")

    def found(**query):
        return person.get("payment-links", **query).json()["results"]

    assert [row["id"] for row in found()] == [str(other.pk), str(link.pk)]
    assert [row["paid_amount"] for row in found()] == ["0", "10"]
    assert (found(reference="A")[0]["paid_count"], found(reference="A")[0]["opened_count"]) == (1, 1)
    assert [row["kind"] for row in found(kind="donation")] == ["donation"]
    assert [row["kind"] for row in found(is_cancelled="true")] == ["donation"]
    assert [row["reference"] for row in found(is_cancelled="false")] == ["A"]
    assert found(created_from="2999-01-01T00:00:00Z") == []
    assert problem_of(person.get("payment-links", state="open")) == (400, "invalid")


def test_a_link_is_cancelled_once(staff):
    person, link = staff(*ALL), link_for()

    first = person.post("payment-link-cancel", link)
    again = person.post("payment-link-cancel", link)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["cancelled_at"] == again.json()["cancelled_at"] is not None


def test_each_verb_has_its_permission(staff):
    link = link_for()
    viewer, maker, nobody = staff("view_link"), staff("make_link"), staff("view")

    assert problem_of(nobody.get("payment-links")) == (403, "permission_denied")
    assert problem_of(nobody.get("payment-link", link.pk)) == (403, "permission_denied")
    for person in (nobody, viewer, maker):
        assert problem_of(make(person, price_currency="EUR")) == (403, "permission_denied")
        assert problem_of(person.post("payment-link-cancel", link)) == (403, "permission_denied")
    assert problem_of(staff("view_link", "make_link").post("payment-link-cancel", link))[0] == 403
    assert PaymentLink.objects.get().cancelled_at is None


def test_a_link_that_is_not_there_is_not_found(staff):
    person, link = staff(*ALL), link_for()
    PaymentLink.objects.all().delete()

    assert problem_of(person.get("payment-link", link.pk)) == (404, "not_found")
    assert problem_of(person.post("payment-link-cancel", link)) == (404, "not_found")


def test_a_site_without_the_page_has_no_url(staff, settings):
    settings.ROOT_URLCONF = "tests.urls_api"
    person = staff(*ALL)

    assert person.client.get(f"/api/desk/payment-links/{link_for().pk}/").json()["url"] == ""
