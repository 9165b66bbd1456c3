"""Settings of the network service."""

from typing import ClassVar

from cumulo.core.config import Section


class NetworkSettings(Section, frozen=True, kw_only=True):
    """`[network]`. MTUs in bytes.

    `dns` is told to guests on subnets that name no servers, `dns_domain` is that of networks without one.
    """

    section: ClassVar[str] = "network"
    overlay_mtu: int = 1442  # 1500 less OVN's Geneve header
    physical_mtu: int = 1500
    dns: list[str] = []
    dns_domain: str = "cumulo.internal."
