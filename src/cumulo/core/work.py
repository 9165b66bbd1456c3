"""What domain code is given to work with, by a request or by a step of a saga alike."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from cumulo.core.db import Transaction
    from cumulo.core.tasks import Saga

P = TypeVar("P")


class Work(Protocol):
    """One transaction, and the ways to promise more work in it or to ask another service."""

    @property
    def db(self) -> "Transaction":
        """The open transaction; everything asked of it commits or vanishes together."""

    @property
    def request_id(self) -> str:
        """The id of the request that caused this work."""

    def use(self, contract: type[P]) -> P:
        """Return the adapter that fulfils a contract (a Protocol of `cumulo.contracts`)."""

    async def start(self, saga: "Saga") -> str:
        """Promise a saga in this transaction; return its operation id. It runs after the commit."""

    def wake(self, reconciler: str) -> None:
        """After the commit, have this reconciler look again at once."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the transaction is durable; never if it is rolled back."""
