"""Bodies and views of what operators look after."""

from datetime import datetime
from typing import Annotated, Any

from cumulo.core.resource import Body, Computed, Filterable, Sortable, Source, View
from cumulo.services.block_storage.model import Message
from cumulo.services.block_storage.schema.bodies import Name
from cumulo.services.block_storage.schema.links import links


class MessageView(View, model=Message):
    """A message."""

    id: Annotated[str, Sortable]
    event_id: Annotated[str, Sortable, Filterable]
    user_message: Annotated[str, Source("text")]
    message_level: Annotated[str, Source("level"), Sortable, Filterable]
    created_at: Annotated[datetime, Sortable]
    guaranteed_until: Annotated[datetime, Source("expires_at"), Sortable]
    request_id: Annotated[str, Sortable, Filterable]
    resource_type: Annotated[str, Sortable, Filterable]
    resource_uuid: Annotated[str | None, Source("resource_id"), Sortable, Filterable]
    links: Annotated[Any, Computed(lambda row, page: links("messages", row.id, page))]


class ServiceBody(Body):
    """Which service; why it is taken out of service."""

    host: Name | None = None
    service: Name | None = None
    binary: Name | None = None
    disabled_reason: Name | None = None
    cluster: Name | None = None


class HostBody(Body):
    """Which backend, and where it fails over to."""

    host: Name | None = None
    backend_id: Name | None = None
    cluster: Name | None = None


class HostStatusBody(Body):
    """Whether a host's services are in service: enable or disable."""

    status: Name


class LogBody(Body):
    """Which services' loggers, and how much they are to say."""

    binary: Name | None = None
    server: Name | None = None
    prefix: Name | None = None
    level: Name | None = None


class QuotaSetBody(Body):
    """Limits by name."""

    quota_set: dict[str, Any]


class QuotaClassBody(Body):
    """Limits by name."""

    quota_class_set: dict[str, Any]
