"""OAuth's consumers and access tokens on the wire."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import KeepingBody, OpenBody, microseconds
from cumulo.core.resource import Computed, PageContext, View
from cumulo.services.identity.model import AccessToken, Consumer
from cumulo.services.identity.schema.people import EXTRA

Text = Annotated[str, Meta(max_length=255)]


def _consumer_link(row: Any, page: PageContext) -> dict[str, str]:
    return {"self": f"{page.base_url}/OS-OAUTH1/consumers/{row.id}"}


def _access_links(row: AccessToken, page: PageContext) -> dict[str, str]:
    own = f"{page.base_url}/users/{row.user_id}/OS-OAUTH1/access_tokens/{row.id}"
    return {"self": own, "roles": f"{own}/roles"}


class ConsumerView(View, model=Consumer):
    """A consumer, without its secret."""

    id: str
    description: str | None
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, Computed(_consumer_link)]


class ConsumerCreate(KeepingBody):
    """A new consumer."""

    description: Text | None = None


class ConsumerUpdate(KeepingBody):
    """Changes of a consumer."""

    description: Text | UnsetType | None = UNSET


class AccessTokenView(View, model=AccessToken):
    """What a user granted to a consumer, without the secret."""

    id: str
    consumer_id: str
    project_id: str
    authorizing_user_id: Annotated[str, Computed(lambda row, _page: row.user_id)]
    expires_at: Annotated[
        str | None, Computed(lambda row, _page: row.expires_at and microseconds(row.expires_at))
    ]
    links: Annotated[Any, Computed(_access_links)]


class Grant(OpenBody):
    """The roles that a user grants, each by its id or its name."""

    roles: list[dict[str, str]]
