"""Which addresses are the internet's, and which are somebody's own network."""

import ipaddress


def is_global(address: str) -> bool:
    """Tell whether an IP address is reached from anywhere, also one that carries another."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if carried is not None:
            ip = carried
    return ip.is_global and not ip.is_multicast
