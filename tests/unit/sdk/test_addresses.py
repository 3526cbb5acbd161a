"""An address of somebody's own network is known by whatever it is carried in."""

import pytest

from calwarden.sdk.addresses import is_global

OURS = ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "2002:0808:0808::1")
THEIRS = (
    *("127.0.0.1", "10.0.0.1", "169.254.1.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:0001::1", "ff02::1"),
)


@pytest.mark.parametrize("address", OURS)
def test_an_address_of_the_internet(address):
    """Also where one protocol's address carries the other's."""
    assert is_global(address)


@pytest.mark.parametrize("address", THEIRS)
def test_a_private_address(address):
    """Loopback, local and multicast addresses, and whatever carries one."""
    assert not is_global(address)
