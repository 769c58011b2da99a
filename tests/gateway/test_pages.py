"""Pages of the gateway's lists: how long a list is, where the next page starts, and where following them ends."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from cryptopay_django.gateway.client import Client
from tests.wire import ScriptedGateway

from . import examples
from .families import CHANNEL_ID, thing
from .server import data, raw

IDS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(1, 10)]


def rows(*ids):
    return [thing("row", id=known) for known in ids]


class Book:
    """A list behind a client: its pages by the id that they start after; each is items, and what `meta` says."""

    def __init__(self, pages):
        self.pages = pages
        self.gateway = ScriptedGateway(self.answer)
        self.client = Client("key", "secret", "https://gateway.test", adapter=self.gateway)

    def answer(self, method, path, body):
        query = parse_qs(urlsplit(path).query)
        items, meta = self.pages[query.get("starting_after", [""])[0]]
        return 200, {"data": items, **({} if meta is None else {"meta": meta})}

    def ids(self, *args, **filters):
        return [str(item.id) for item in self.client.iterate(self.client.list_transactions, *args, **filters)]


def more(*, has_more):
    return {"total": 4, "has_more": has_more}


def test_a_page_says_how_long_its_list_is(gateway, client):
    body = {"data": [thing("account")], "meta": {"total": 637, "has_more": True}}
    gateway.answers(raw(json.dumps(body).encode()))

    page = client.list_accounts()

    assert (page.total, page.has_more) == (637, True)


@pytest.mark.parametrize(
    "meta", [None, {}, [], "x", {"total": "637", "has_more": "true"}, {"total": True, "has_more": None}]
)
def test_what_a_list_does_not_say_of_itself_is_not_known(meta, gateway, client):
    gateway.answers(raw(json.dumps({"data": [thing("account")], "meta": meta}).encode()), data([]))

    page = client.list_accounts()

    assert (len(page), page.total, page.has_more) == (1, None, None)


def test_pages_are_followed_until_the_gateway_has_no_more():
    book = Book(
        {
            "": (rows(*IDS[:2]), more(has_more=True)),
            IDS[1]: (rows(*IDS[2:4]), more(has_more=False)),
        }
    )

    assert book.ids(currency="EUR") == IDS[:4]
    assert [path for _, path in book.gateway.asked] == [
        "/api/transactions?currency=EUR",
        f"/api/transactions?currency=EUR&starting_after={IDS[1]}",
    ]


def test_a_list_that_does_not_say_whether_there_is_more_ends_with_an_empty_page():
    book = Book({"": (rows(*IDS[:2]), None), IDS[1]: (rows(IDS[2]), None), IDS[2]: ([], None)})

    assert book.ids() == IDS[:3]


def test_following_can_begin_in_the_middle():
    book = Book({IDS[1]: (rows(IDS[2]), more(has_more=False))})

    assert book.ids(starting_after=IDS[1]) == [IDS[2]]


@pytest.mark.parametrize("again", [(), IDS[:2], (IDS[1],)])
def test_a_page_that_brings_nothing_new_is_the_last_whatever_it_says(again, caplog):
    book = Book({"": (rows(*IDS[:2]), more(has_more=True)), IDS[1]: (rows(*again), more(has_more=True))})

    assert book.ids() == IDS[:2]
    assert len(book.gateway.asked) == 2
    assert "list_transactions: the gateway says that there is more" in caplog.text


def test_pages_that_go_in_circles_end_and_nothing_is_there_twice():
    book = Book(
        {
            "": (rows(*IDS[:2]), more(has_more=True)),
            IDS[1]: (rows(IDS[1], IDS[2]), more(has_more=True)),
            IDS[2]: (rows(IDS[0], IDS[2].upper()), more(has_more=True)),
        }
    )

    assert book.ids() == IDS[:3]


def test_an_item_that_cannot_be_read_spoils_no_other_and_is_noted():
    odd = thing("row", id=IDS[1], amount="much")
    book = Book({"": ([*rows(IDS[0]), odd, None], more(has_more=True)), IDS[1]: (rows(IDS[2]), more(has_more=False))})

    pages = list(book.client.iterate_pages(book.client.list_transactions))

    assert [[str(row.id) for row in page] for page in pages] == [[IDS[0]], [IDS[2]]]
    assert [note.partition(":")[0] for note in pages[0].notes] == ["data[1].amount", "data[2]"]


def test_customers_are_followed_by_the_shops_own_ids():
    book = Book(
        {
            "": ([examples.customer(id="ann")], more(has_more=True)),
            "ann": ([examples.customer(id="Ann")], more(has_more=False)),
        }
    )

    customers = list(book.client.iterate(book.client.list_customers))

    assert [customer.id for customer in customers] == ["ann", "Ann"]
    assert book.client.list_customers().keys == ("ann",)
    assert book.client.list_customers().ids == ()


def test_a_list_below_a_thing_is_followed_too():
    book = Book({"": ([thing("channel_payment")], more(has_more=False))})

    assert len(list(book.client.iterate(book.client.list_channel_payments, CHANNEL_ID, timeout=5))) == 1
    assert book.gateway.asked == [("GET", f"/api/channels/{CHANNEL_ID}/payments")]


def test_nothing_is_asked_before_the_first_item_is_wanted():
    book = Book({"": (rows(*IDS[:2]), more(has_more=True))})

    first = next(book.client.iterate(book.client.list_transactions))

    assert str(first.id) == IDS[0]
    assert len(book.gateway.asked) == 1
