"""What a part of a saga, and a reconciler, is given to work with."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import msgspec

from cumulo.core import errors
from cumulo.core.db import Database, Reader, Transaction

if TYPE_CHECKING:
    from cumulo.core.tasks.saga import Part, Saga

P = TypeVar("P")
T = TypeVar("T")


class TaskError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a saga failed. `public`: what a user may read; None when only the operator should."""

    part: str
    kind: str  # the exception's class
    message: str
    public: str | None = None


class Promises(Protocol):
    """What runs need of `Tasks`: bindings, and ways to promise more work."""

    bindings: Mapping[type, Any]
    database: Database

    async def start(
        self, tx: Transaction, saga: "Saga", *, request_id: str, project_id: str | None = None
    ) -> str:
        """Promise a saga in a transaction."""

    def wake(self, reconciler: str) -> None:
        """Have a reconciler look again at once."""


class _Run:
    def __init__(
        self,
        tasks: Promises,
        request_id: str,
        project_id: str | None = None,
        results: Mapping[str, msgspec.Raw | None] | None = None,
    ) -> None:
        self._tasks = tasks
        self._results = results or {}
        self._project_id = project_id
        self.request_id = request_id

    def use(self, contract: type[P]) -> P:
        """Return the adapter, driver or settings bound to a type."""
        try:
            return cast("P", self._tasks.bindings[contract])
        except KeyError:
            raise errors.Bug(f"nothing is bound to {contract.__name__}") from None

    def __getitem__(self, part: "Part[T]") -> T:
        """Return the recorded result of a part that has run; of one left out, None."""
        return part.decode(self._results.get(part.name))


class StepRun(_Run):
    """A transaction, in the name of the request that caused it. It is a `cumulo.core.work.Work`."""

    def __init__(self, db: Transaction, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._db = db

    @property
    def db(self) -> Transaction:
        """The open transaction."""
        return self._db

    async def start(self, saga: "Saga") -> str:
        """Promise another saga in this transaction; return its operation id."""
        return await self._tasks.start(
            self._db, saga, request_id=self.request_id, project_id=self._project_id
        )

    def wake(self, reconciler: str) -> None:
        """After the commit, have this reconciler look again at once."""
        self._db.after_commit(lambda: self._tasks.wake(reconciler))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the transaction is durable."""
        self._db.after_commit(callback)


class EffectRun(_Run):
    """The world, with no transaction open. `fence` orders this try among all that came before."""

    def __init__(self, say: Callable[[str], None], fence: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._say = say
        self.fence = fence

    def reader(self) -> AbstractAsyncContextManager[Reader]:
        """Give queries on what is committed."""
        return self._tasks.database.read()

    def say(self, text: str) -> None:
        """Tell who watches the operation how far it is."""
        self._say(text)


class ReconcileRun(_Run):
    """What a reconciler or schedule is given: no input, for it must find out itself what there is to do."""

    @property
    def database(self) -> Database:
        """The database; open no transaction across a call to the world."""
        return self._tasks.database

    def wake(self, reconciler: str) -> None:
        """Have another reconciler look again at once."""
        self._tasks.wake(reconciler)
