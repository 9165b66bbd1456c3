"""Links, as every document of compute carries them."""

from functools import lru_cache

import msgspec

from cumulo.core.resource import PageContext


def links(collection: str, id: str, page: PageContext) -> msgspec.Raw:
    """Return a resource's `links`, encoded: itself, and a bookmark without the API's version."""
    before, between = _around(collection, page.ctx.base_url)
    return msgspec.Raw(f'{before}{id}{between}{id}"}}]')


@lru_cache(maxsize=64)
def _around(collection: str, base_url: str) -> tuple[str, str]:
    """Return the encoded text before the first id and between the two."""
    root = base_url.removesuffix("/v2.1")
    before = f'[{{"rel":"self","href":"{base_url}/{collection}/'
    return before, f'"}},{{"rel":"bookmark","href":"{root}/{collection}/'


@lru_cache(maxsize=4096)
def with_properties(image_id: str, properties: bytes, base_url: str) -> msgspec.Raw:
    """Return what a server's document says of its image (2.98), encoded."""
    shape = msgspec.json.decode(named("images", image_id, base_url), type=dict[str, msgspec.Raw])
    return msgspec.Raw(msgspec.json.encode({**shape, "properties": msgspec.Raw(properties)}))


@lru_cache(maxsize=4096)
def named(collection: str, id: str, base_url: str) -> msgspec.Raw:
    """Return `{id, links}` as a document names another resource, encoded. The same ones come often."""
    link = {"rel": "bookmark", "href": f"{base_url.removesuffix('/v2.1')}/{collection}/{id}"}
    return msgspec.Raw(msgspec.json.encode({"id": id, "links": [link]}))
