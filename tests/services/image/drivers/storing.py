"""Writing images into a store and reading them, piece by piece."""

from cumulo.services.image.drivers import Store, Written

PIECE = 333_333  # bytes; nothing's block size


async def put(store: Store, upload_id: str, data: bytes) -> Written:
    """Write an upload, to its end."""
    writer = await store.begin(upload_id)
    for start in range(0, len(data), PIECE):
        await writer.write(data[start : start + PIECE])
    return await writer.finish()


async def read(store: Store, image_id: str, *rest: int) -> bytes:
    """Return an image's bytes, from an offset and of a length if they are given."""
    return b"".join([block async for block in store.read(image_id, *rest)])
