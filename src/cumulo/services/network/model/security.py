"""The tables of what ports may receive and send."""

from cumulo.core import ids
from cumulo.core.db import Boolean, Index, Integer, Json, Model, String, column
from cumulo.services.network.model.standard import Named, Standard


class SecurityGroup(Named, table="network_security_groups"):
    """A set of rules. Each project has one that is its default, made at first use."""

    is_default: bool = column(Boolean, default=False)
    stateful: bool = column(Boolean, default=True)
    __extra__ = (
        Index(
            "project_id",
            name="uq_network_security_groups_default",
            unique=True,
            where="is_default",
        ),
    )


class AddressGroup(Named, table="network_address_groups"):
    """CIDRs that rules can name together."""

    addresses: list[str] = column(Json, default_factory=list)


class SecurityGroupRule(Standard, table="network_security_group_rules"):
    """What a security group allows."""

    security_group_id: str = column(
        String(36), references="network_security_groups.id", on_delete="CASCADE", index=True
    )
    direction: str = column(String(16))
    ethertype: str = column(String(8), default="IPv4")
    protocol: str | None = column(String(40), default=None)
    port_range_min: int | None = column(Integer, default=None)
    port_range_max: int | None = column(Integer, default=None)
    remote_ip_prefix: str | None = column(String(64), default=None)
    remote_group_id: str | None = column(
        String(36), default=None, references="network_security_groups.id", on_delete="CASCADE"
    )
    remote_address_group_id: str | None = column(String(36), default=None, index=True)


class DefaultRule(Model, table="network_default_rules"):
    """A rule that new security groups begin with. `remote_group_id` may be `PARENT`: the new group.

    What we ship is `removed` rather than deleted, so that it does not come back.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    description: str = column(String(255), default="")
    direction: str = column(String(16))
    ethertype: str = column(String(8), default="IPv4")
    protocol: str | None = column(String(40), default=None)
    port_range_min: int | None = column(Integer, default=None)
    port_range_max: int | None = column(Integer, default=None)
    remote_ip_prefix: str | None = column(String(64), default=None)
    remote_group_id: str | None = column(String(36), default=None)
    remote_address_group_id: str | None = column(String(36), default=None)
    used_in_default_sg: bool = column(Boolean, default=False)
    used_in_non_default_sg: bool = column(Boolean, default=True)
    removed: bool = column(Boolean, default=False)


class DefaultStatefulness(Model, table="network_default_statefulness"):
    """Whether a project's new groups are stateful that do not say; of no project (""): everyone's."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), default="", unique=True)
    stateful: bool = column(Boolean, default=True)


class Log(Standard, table="network_logs"):
    """What of security groups hosts write down: of all the project's, of one group, or of one port's groups.

    `event` is ACCEPT, DROP or ALL.
    """

    name: str = column(String(255), default="")
    resource_type: str = column(String(32))
    resource_id: str | None = column(String(36), default=None, index=True)
    target_id: str | None = column(String(36), default=None, index=True)
    event: str = column(String(8), default="ALL")
    enabled: bool = column(Boolean, default=True)


class PortSecurityGroup(Model, table="network_port_security_groups"):
    """A port is in a security group."""

    port_id: str = column(String(36), key=True, references="network_ports.id", on_delete="CASCADE")
    security_group_id: str = column(String(36), key=True, references="network_security_groups.id", index=True)
