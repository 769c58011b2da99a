"""The tables of coins and networks know the same names, and each fact stands in one place."""

from decimal import Decimal

import pytest

from cryptopay_django.exceptions import AddressError
from cryptopay_django.gateway.addresses import check_address
from cryptopay_django.gateway.coins import COINS, KNOWN_COINS
from cryptopay_django.gateway.networks import NETWORKS, required_confirmations, usual_minutes
from cryptopay_django.sandbox import simulated_coins


def test_every_network_of_a_coin_is_known_and_every_known_network_carries_one():
    used = {network for coin in KNOWN_COINS.values() for network in coin.networks}

    assert used == NETWORKS.keys()
    assert {code: tuple(networks) for code, networks in COINS.items()} == {
        code: coin.networks for code, coin in KNOWN_COINS.items()
    }


def test_the_sandbox_lists_every_coin_on_the_networks_of_the_table():
    listed = {code: (coin.precision, coin.networks) for code, coin in simulated_coins.COINS.items()}

    assert listed == {code: (coin.places, coin.networks) for code, coin in KNOWN_COINS.items()}
    assert simulated_coins.NETWORKS.keys() == NETWORKS.keys()


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_an_address_on_every_known_network_is_checked(network):
    with pytest.raises(AddressError):
        check_address("no-address-of-any-network", network)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_larger_amount_never_needs_fewer_confirmations(network):
    amounts = [Decimal(text) for text in ("0.00000001", "0.3", "1", "1.00000001", "10", "1000", "10001", "1E+19")]

    for coin in {code for code, coin in KNOWN_COINS.items() if network in coin.networks}:
        needed = [required_confirmations(coin, network, amount) for amount in amounts]
        assert needed == sorted(needed)
        assert needed[0] >= 1


def test_of_an_unknown_network_one_confirmation_is_expected_and_no_time_is_named():
    assert required_confirmations("NEW", "newnet", Decimal(1)) == 1
    assert usual_minutes("newnet", 1) is None
