"""Credentials, EC2 keys, policies and signatures on the wire."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import KeepingBody, OpenBody
from cumulo.core.resource import Computed, Filterable, View
from cumulo.services.identity.model import Credential, Policy
from cumulo.services.identity.schema.people import EXTRA, Name, self_link


class CredentialView(View, model=Credential):
    """A credential, but for its text."""

    id: str
    user_id: Annotated[str, Filterable]
    project_id: str | None
    type: Annotated[str, Filterable]
    blob: Annotated[str, Computed(lambda row, page: page.extra[row.id])]
    links: Annotated[Any, self_link("credentials")]


class CredentialCreate(OpenBody):
    """A new credential; its user is the caller when not named."""

    type: Name
    blob: str
    user_id: str | None = None
    project_id: str | None = None


class CredentialUpdate(OpenBody):
    """Changes of a credential."""

    type: Name | UnsetType = UNSET
    blob: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    project_id: str | UnsetType | None = UNSET


class Ec2Create(OpenBody):
    """A new EC2 credential for a project."""

    tenant_id: str


class Signed(msgspec.Struct, kw_only=True):
    """A request that was signed with an EC2 key, as the service that got it tells of it."""

    access: str
    signature: str = ""
    host: str = ""
    verb: str = ""
    path: str = ""
    params: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body_hash: str = ""
    token: str = ""  # S3: what was signed, in base64


class SignedRequest(OpenBody):
    """The body of `POST /v3/ec2tokens` and `/v3/s3tokens`."""

    credentials: Signed | UnsetType = UNSET
    credential: Signed | UnsetType = UNSET
    ec2: Signed | UnsetType = msgspec.field(name="ec2Credentials", default=UNSET)

    def signed(self) -> Signed | None:
        """Return the request, under whichever name it came."""
        found = (each for each in (self.credentials, self.credential, self.ec2) if each is not UNSET)
        return next(found, None)


class PolicyView(View, model=Policy):
    """A policy."""

    id: str
    type: Annotated[str, Filterable]
    blob: Any
    extra: Annotated[Any, EXTRA]
    links: Annotated[Any, self_link("policies")]


class PolicyCreate(KeepingBody):
    """A new policy."""

    type: Name
    blob: str | dict[str, Any]


class PolicyUpdate(KeepingBody):
    """Changes of a policy."""

    type: Name | UnsetType = UNSET
    blob: Annotated[str | dict[str, Any], Meta(description="Any text or object.")] | UnsetType = UNSET
