"""Links, as every document of compute carries them."""

import msgspec

from cumulo.core.resource import PageContext


def links(collection: str, id: str, page: PageContext) -> msgspec.Raw:
    """Return a resource's `links`, encoded: itself, and a bookmark without the API's version."""
    base = page.base_url
    root = base.removesuffix("/v2.1")
    return msgspec.Raw(
        f'[{{"rel":"self","href":"{base}/{collection}/{id}"}},'
        f'{{"rel":"bookmark","href":"{root}/{collection}/{id}"}}]'
    )


def bookmark(collection: str, id: str, page: PageContext) -> list[dict[str, str]]:
    """Return the one link by which a document names another resource."""
    root = page.base_url.removesuffix("/v2.1")
    return [{"rel": "bookmark", "href": f"{root}/{collection}/{id}"}]
