"""How the image service writes HTTP: Glance's v2, flat bodies and links relative to the service."""

from typing import Any

from cumulo.core.errors import OverQuota
from cumulo.core.http import Dialect, Fault, Page, plain_fault

UNAUTHORIZED = 401


def glance_fault(fault: Fault) -> Any:
    """`{message, code, title}`, as WebOb gives JSON clients; no token: as keystonemiddleware does."""
    if fault.status == UNAUTHORIZED:
        return plain_fault(fault)
    return {
        "message": fault.message,
        "code": f"{fault.status} {fault.title}",
        "title": fault.title,
    }


def glance_links(page: Page) -> dict[str, Any]:
    """`first`, `next` and `schema`, as paths below the service's own address."""
    path = "/v2/" + page.url.rsplit("/v2/", 1)[-1]
    here = page.url.rsplit("/v2/", 1)[0]
    within = "metadefs/" if "/metadefs/" in path else ""
    links = {"schema": f"/v2/schemas/{within}{page.collection}"}
    links["first"] = page.link().removeprefix(here) if page.query else path
    if page.next_marker:
        links["next"] = page.link(marker=page.next_marker).removeprefix(here)
    return links


DIALECT = Dialect(
    path="/image",
    version_path="/v2",
    classic_port=9292,
    wrapped=False,
    update_method="PATCH",
    statuses={OverQuota: 413},
    error=glance_fault,
    links=glance_links,
    page_size=25,
    page_limit=1000,
    ignores_trailing_slash=False,
)
