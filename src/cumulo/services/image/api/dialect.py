"""How the image service writes HTTP: Glance's v2, flat bodies and links relative to the service."""

from html import escape
from typing import Any

from cumulo.core.errors import OverQuota
from cumulo.core.http import Dialect, Fault, Page, plain_fault

UNAUTHORIZED = 401


def glance_fault(fault: Fault) -> Any:
    """`{message, code, title}`, as WebOb gives JSON clients; no token: as keystonemiddleware does.

    Who would take a page as gladly gets one, which is what glanceclient reads: it asks for anything.
    """
    if fault.status == UNAUTHORIZED:
        return plain_fault(fault)
    if wants_page(fault.accept):
        head = f"{fault.status} {fault.title}"
        text = escape(fault.message, quote=False)
        return _PAGE.format(head=head, text=text).encode()
    return {
        "message": fault.message,
        "code": f"{fault.status} {fault.title}",
        "title": fault.title,
    }


_PAGE = """<html>
 <head>
  <title>{head}</title>
 </head>
 <body>
  <h1>{head}</h1>
  {text}<br /><br />
 </body>
</html>"""


def wants_page(accept: str) -> bool:
    """Say whether an `Accept` header (RFC 9110, 12.5.1) likes HTML as well as JSON, or better."""
    page, document = _quality(accept, "text/html"), _quality(accept, "application/json")
    return page > 0 and page >= document


def _quality(accept: str, kind: str) -> float:
    """Return the weight that the header gives a media type: that of the most exact range that has it."""
    ranges = (kind, kind.partition("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        try:
            found[name.partition(";")[0]] = float(weight or 1)
        except ValueError:
            continue
    return next((found[name] for name in ranges if name in found), 0.0)


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
    error_type="text/html; charset=UTF-8",
    links=glance_links,
    page_size=25,
    page_limit=1000,
    ignores_trailing_slash=False,
)
