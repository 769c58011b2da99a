"""The settings of an event: credentials, who shares them, live orders and the test mode."""

from configparser import ConfigParser

import pytest
from django.conf import settings as project
from django.test import Client
from django.views.debug import SafeExceptionReporterFilter
from pretix.base.models import Event, LogEntry, Organizer
from pretix.base.payment import PaymentException
from pretix_cryptopay import accounts
from pretix_cryptopay.accounts import OWNER, PREFIX, SECRETS, account_name, all_accounts, forget_accounts
from pretix_cryptopay.checkout import begin_payment
from pretix_cryptopay.provider import Cryptopay
from shop import fields_of, make_event, place_order, url_of

from cryptopay_django.conf import get_account
from cryptopay_django.models import Invoice

URL = "/control/event/orga/conf/settings/payment/cryptopay"


def take_away_credentials(event, mode="live"):
    for name in SECRETS:
        event.settings.delete(f"{PREFIX}{mode}_{name}")
    forget_accounts()


def save(backend, **values):
    """Save the form as it is, with some other values; return the page that comes."""
    page = backend.get(URL).content.decode()
    data = fields_of(page) | {f"{PREFIX}_restrict_to_sales_channels": "web"}
    return backend.post(URL, data | {f"{PREFIX}{name}": value for name, value in values.items()}, follow=True)


def test_an_event_has_an_account_for_live_orders_and_one_for_the_test_mode(event, settings):
    names = list(all_accounts())

    assert names == [f"e{event.pk}", f"e{event.pk}-test"]
    assert get_account(f"e{event.pk}-test").base_url == "http://127.0.0.1:8146"
    assert get_account(f"e{event.pk}").api_key == "live-conf-key"


def test_without_a_word_of_the_operator_live_orders_go_to_the_real_gateway(event, monkeypatch):
    monkeypatch.setattr(project.CONFIG_FILE, "cp", ConfigParser())  # a pretix.cfg without [cryptopay]
    forget_accounts()

    assert get_account(f"e{event.pk}").environment == "production"
    assert get_account(f"e{event.pk}-test").environment == "sandbox"


def test_credentials_are_saved_and_never_shown(event, backend, gateway):
    done = save(backend, live_api_key="", live_api_secret="", live_callback_secret="", coins="ETH, USDT/tron")

    page = backend.get(URL).content.decode()
    event = Event.objects.get(pk=event.pk)
    assert "Your changes have been saved" in done.content.decode()
    assert event.settings.get(f"{PREFIX}test_api_secret") == "test-conf-secret"
    assert "test-conf" not in page
    assert f"/_cryptopay/callbacks/e{event.pk}-test/" in page
    assert all_accounts()[f"e{event.pk}-test"]["OPTIONS"]["OFFERED_COINS"] == ["ETH", "USDT/tron"]


def test_credentials_that_the_gateway_refuses_are_not_saved(event, backend, gateway):
    done = save(backend, live_api_key="", live_api_secret="", live_callback_secret="", test_api_key="another")

    assert "The gateway cannot be used with these credentials" in done.content.decode()
    assert Event.objects.get(pk=event.pk).settings.get(f"{PREFIX}test_api_key") == "test-conf-key"


def test_half_of_the_credentials_is_refused(event, backend):
    done = save(backend, live_api_key="", live_api_secret="", live_callback_secret="", test_api_key="")

    assert "This field is required" in done.content.decode()


def test_no_credentials_at_all_are_refused(event, backend):
    empty = {
        f"{mode}_{name}": "" for mode in ("live", "test") for name in ("api_key", "api_secret", "callback_secret")
    }

    assert "or for both" in save(backend, **empty).content.decode()


def test_credentials_of_another_event_are_refused_and_that_event_is_offered(event, backend, gateway):
    make_event("other")
    same = {"live_api_key": "live-other-key", "live_api_secret": "x", "live_callback_secret": "y"}

    done = save(backend, **same).content.decode()

    assert "These are the credentials of Conference" in done
    assert "Conference (other)" in done


def test_an_event_uses_the_account_of_another_one(event):
    other = make_event("other", credentials={})
    other.settings.set(PREFIX + OWNER, str(event.pk))
    forget_accounts()

    assert account_name(other, testmode=False) == f"e{event.pk}"
    assert Cryptopay(other).is_enabled


def test_a_copy_of_an_event_uses_the_account_of_the_original(event):
    copy = make_event("copy", credentials={})
    copy.copy_data_from(event)
    forget_accounts()

    assert account_name(copy, testmode=True) == f"e{event.pk}-test"
    assert len(all_accounts()) == 2


def test_a_copy_for_another_organizer_gets_no_credentials(event):
    stranger = Organizer.objects.create(slug="stranger", name="Stranger")
    copy = Event.objects.create(
        organizer=stranger, name="Copy", slug="copy", currency="EUR", date_from=event.date_from, plugins=event.plugins
    )
    copy.copy_data_from(event)
    forget_accounts()

    assert not Cryptopay(copy).is_enabled
    assert not [key for key in copy.settings.freeze() if "api_key" in key and copy.settings.get(key)]


def test_an_event_without_credentials_for_its_mode_does_not_offer_the_method(event):
    for name in ("api_key", "api_secret", "callback_secret"):
        event.settings.delete(f"{PREFIX}test_{name}")
    forget_accounts()

    assert Cryptopay(event).is_enabled
    event.testmode = True
    assert not Cryptopay(event).is_enabled


def test_an_order_of_the_test_mode_is_paid_in_the_sandbox(event, staff, cryptopay_sandbox):
    event.testmode = True
    event.save()
    order, invoice = place_order(event, as_user=staff)

    assert order.testmode
    assert invoice.account == f"e{event.pk}-test"


def test_a_gateway_that_is_down_is_a_message_to_the_customer(event, cryptopay_sandbox):
    order, _ = place_order(event)
    payment = order.payments.create(provider="cryptopay", amount=5, state="created")
    cryptopay_sandbox.fail_next("error", count=20, account=f"e{event.pk}")

    with pytest.raises(PaymentException, match="Nothing was charged"):
        begin_payment(payment, "BTC/bitcoin")
    payment.refresh_from_db()
    assert payment.state == "created"


def test_new_credentials_are_in_no_log(event, backend, gateway):
    save(backend, live_api_key="", live_api_secret="", live_callback_secret="", test_callback_secret="new-and-secret")

    assert Event.objects.get(pk=event.pk).settings.get(f"{PREFIX}test_callback_secret") == "new-and-secret"
    (entry,) = LogEntry.objects.filter(action_type="pretix.event.payment.provider")
    assert entry.parsed_data["new_values"][f"{PREFIX}test_callback_secret"] == "*****"
    assert "new-and-secret" not in entry.data


def test_credentials_are_in_no_error_report(event, monkeypatch, rf):
    def fails(**kwargs):
        raise LookupError

    monkeypatch.setattr(accounts, "base_url", fails)

    with pytest.raises(LookupError) as caught:
        all_accounts()

    reported, shown = rf.get("/"), SafeExceptionReporterFilter()
    frames = [entry.frame.raw for entry in caught.traceback[1:]]  # without this test's own
    variables = [dict(shown.get_traceback_frame_variables(reported, frame)) for frame in frames]
    assert "live-conf-secret" not in str(variables)


def test_the_order_page_is_shown_without_credentials(event, cryptopay_sandbox):
    order, _ = place_order(event)
    take_away_credentials(event)

    for page in ("", "pay/change"):
        assert Client().get(url_of(order) + page).status_code == 200


def test_an_order_of_the_test_mode_cannot_be_paid_by_live_credentials(event, staff, cryptopay_sandbox):
    event.testmode = True
    event.save()
    order, _ = place_order(event, as_user=staff)
    event.testmode = False
    event.save()
    take_away_credentials(event, "test")
    payment = order.payments.create(provider="cryptopay", amount=5, state="created")
    customer = Client()

    for page in ("pay/change", f"pay/{payment.pk}/", f"pay/{payment.pk}/confirm"):
        for asked in (
            customer.get(url_of(order) + page),
            customer.post(url_of(order) + page, {"coin": "BTC/bitcoin"}),
        ):
            assert asked.status_code in (200, 302)

    with pytest.raises(PaymentException, match="not possible at the moment"):
        begin_payment(payment, "BTC/bitcoin")
    assert not Cryptopay(event).order_change_allowed(order)


def test_earlier_invoices_keep_their_account_when_the_event_uses_another_one(event, cryptopay_sandbox):
    order, invoice = place_order(event)
    other = make_event("other")
    event.settings.set(PREFIX + OWNER, str(other.pk))
    forget_accounts()

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, account_name(event, testmode=False)) == ("p", f"e{other.pk}")


def test_a_payment_begins_anew_when_the_account_of_the_earlier_one_is_gone(event, cryptopay_sandbox):
    order, first = place_order(event)
    other = make_event("other")
    event.settings.set(PREFIX + OWNER, str(other.pk))
    take_away_credentials(event)
    customer = Client()

    page = customer.post(f"{url_of(order)}pay/change", {"payment": "cryptopay", "coin": "BTC/bitcoin"}, follow=True)
    customer.post(page.redirect_chain[-1][0], {}, follow=True)

    second = Invoice.objects.for_order(order.payments.last()).get()
    assert (first.account, second.account) == (f"e{event.pk}", f"e{other.pk}")


@pytest.mark.parametrize("coins", ["BTC;;", "a/b/c", "é"])
def test_a_wrong_list_of_coins_harms_no_other_event(event, cryptopay_sandbox, coins):
    other = make_event("other")
    other.settings.set(f"{PREFIX}coins", coins)
    forget_accounts()

    order, _ = place_order(event)

    assert order.payments.get().state == "pending"
    assert Client().get("/orga/other/").status_code == 200
