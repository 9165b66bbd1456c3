"""The context of one request, given to every handler. It is a `cumulo.core.work.Work`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cumulo.core import ids
from cumulo.core.auth import ANONYMOUS, Identity, Rule
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Bug, Forbidden
from cumulo.core.http.messages import Request, Response
from cumulo.core.http.operation import Operation
from cumulo.core.microversions import Version

if TYPE_CHECKING:
    from cumulo.core.http.app import Engine
    from cumulo.core.http.service import Service
    from cumulo.core.tasks import Saga

P = TypeVar("P")


class NotAuthorised(Forbidden):
    """You are not authorized to perform the requested action: {rule}."""


class Ctx:
    """One request on its way down the pipeline; each stage fills in what it knows.

    params: the path's values. body: the decoded body. target: the loaded row. headers: what the answer
    carries besides. base_url: where the service is, as this client sees it, with no slash at the end.
    noted: what a handler tells the audit log besides. recorded: whether that has the change already.
    """

    __slots__ = (
        "_db",
        "base_url",
        "body",
        "engine",
        "headers",
        "identity",
        "noted",
        "operation",
        "params",
        "reader",
        "recorded",
        "request",
        "request_id",
        "root_url",
        "service",
        "target",
        "version",
    )

    operation: Operation

    def __init__(self, engine: "Engine", service: "Service", request: Request) -> None:
        self.engine = engine
        self.service = service
        self.request = request
        self.request_id = ids.request()
        self.identity: Identity = ANONYMOUS
        self.version: Version | None = None
        self.params: Mapping[str, str] = {}
        self.body: Any = None
        self.target: Any = None
        self.headers: dict[str, str] = {}
        self.base_url = ""
        self.root_url = ""
        self._db: Transaction | None = None
        self.reader: Reader | None = None
        self.noted: dict[str, Any] = {}
        self.recorded = False

    @property
    def db(self) -> Transaction:
        """The request's transaction; in a GET, the same reads with none of the writes."""
        return cast("Transaction", self.reader)

    def writing(self, transaction: Transaction) -> None:
        """Enter a transaction."""
        self._db = self.reader = transaction

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Open a transaction: for routes without. The first one entered by `writing` carries the record."""
        async with self.engine.database.begin() as transaction:
            yield transaction
            if self._db is transaction:
                await self.record()

    async def record(self, response: Response | None = None) -> None:
        """Have the audit log keep this change, in the transaction that was entered; only the first time."""
        if self.engine.record is None or self.recorded or not self.operation.changes:
            return
        self.recorded = True
        await self.engine.record(self, response)

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Open a reader of its own: for streaming routes."""
        return self.engine.database.read()

    def use(self, contract: type[P]) -> P:
        """Return the adapter, driver or settings bound to a type."""
        return cast("P", self.engine.bindings[contract])

    async def start(self, saga: "Saga") -> str:
        """Promise a saga in this transaction; return its operation id."""
        return await self.engine.tasks.start(
            self._transaction(),
            saga,
            request_id=self.request_id,
            project_id=self.identity.project_id,
        )

    def wake(self, reconciler: str) -> None:
        """After the commit, have this reconciler look again at once."""
        self._transaction().after_commit(lambda: self.engine.tasks.wake(reconciler))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction is durable."""
        self._transaction().after_commit(callback)

    def may(self, rule: Rule | str, target: Any = None) -> bool:
        """Say whether the caller passes a rule, on a row or mapping, or on what is its own."""
        checked = self.own() if target is None else target
        return self.engine.enforcer.allows(rule, self.identity, checked)

    def authorise(self, rule: Rule | str, target: Any = None) -> None:
        """Raise Forbidden unless the caller passes the rule."""
        if not self.may(rule, target):
            raise NotAuthorised(rule=rule if isinstance(rule, str) else rule.name)

    def own(self) -> dict[str, Any]:
        """Return the target that is the caller itself: what a create is checked against."""
        identity = self.identity
        return {
            "project_id": identity.project_id,
            "user_id": identity.user_id,
            "domain_id": identity.domain_id,
            "tenant_id": identity.project_id,
        }

    async def claim(self, resources: Mapping[str, int], *, project_id: str | None = None) -> None:
        """Hold these against the project's limits; OverQuota names the one that would be passed."""
        owner = project_id or self.identity.project_id
        if owner is not None:
            await self.engine.quota.claim(self, self.service.name, owner, resources)

    def respond(self, status: int, body: Any = b"", **headers: str) -> Response:
        """Make a response by hand; header names with `_` for `-`."""
        return Response(status, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def _transaction(self) -> Transaction:
        if self._db is None:
            raise Bug(f"{self.operation.name} promises work but has no transaction")
        return self._db
