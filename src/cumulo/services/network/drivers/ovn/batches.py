"""Changes of several resources as one transaction.

What is realised in the same moment goes to the northbound database together: one message and one notification
instead of many, and ovn-northd, which looks at everything after each transaction, does so once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from cumulo.ovsdb import Client, Operation, TransactionFailed

_Waiting = tuple[Sequence[Operation], "asyncio.Future[None]"]


class Batches:
    """Gathers operations during one pass of the event loop, and sends them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Do all of these operations or none of them, whatever becomes of others'. Raises OvsdbError."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._start)
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((operations, done))
        await done

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._send([w for w in waiting if not w[1].done()]))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, waiting: Sequence[_Waiting]) -> None:
        try:
            await self._client.transact(*_merged([each for operations, _ in waiting for each in operations]))
        except TransactionFailed as error:
            if len(waiting) > 1:  # one of them is refused, and only it
                await asyncio.gather(*(self._send([each]) for each in waiting))
            else:
                _tell(waiting, error)
        except BaseException as error:
            _tell(waiting, error)
            if not isinstance(error, Exception):
                raise
        else:
            _tell(waiting, None)


def _tell(waiting: Iterable[_Waiting], error: BaseException | None) -> None:
    for _, done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(error)


def _merged(operations: Iterable[Operation]) -> list[Operation]:
    """Return the same with one operation for all that enters a column of a row.

    Each copies the column's whole set, so that many cost as much as there are in it for each. They come last,
    when all rows that they name have been inserted.
    """
    others: list[Operation] = []
    entering: dict[str, tuple[Operation, list[Any]]] = {}
    for operation in operations:
        (column, change, value) = operation.get("mutations", [("", "", None)])[0]
        if change != "insert":
            others.append(operation)
            continue
        key = f"{operation['table']} {operation['where']} {column}"
        entering.setdefault(key, (operation, []))[1].extend(value[1])
    for operation, values in entering.values():
        column = operation["mutations"][0][0]
        others.append({**operation, "mutations": [[column, "insert", ["set", values]]]})
    return others
