"""Bodies of a service whose clients write numbers as text."""

import msgspec
import pytest

from cumulo.core.errors import Invalid
from cumulo.core.http import Body, Dialect
from cumulo.core.http.body import BodyForm


class Pipe(Body):
    """A pipe."""

    width: int
    open: bool = True


def form():
    return BodyForm(Pipe, "pipe", "pipes")


def test_a_lenient_dialect_reads_numbers_and_truths_from_text():
    dialect = Dialect(path="/pipes", lenient=True, bulk_create=True)
    read = form().read(b'{"pipe": {"width": "14", "open": "false"}}', dialect, None)
    assert msgspec.structs.asdict(read) == {"width": 14, "open": False}
    many = form().read(b'{"pipes": [{"width": "1"}, {"width": 2}]}', dialect, None)
    assert [pipe.width for pipe in many] == [1, 2]
    with pytest.raises(Invalid):
        form().read(b'{"pipe": {"width": "wide"}}', dialect, None)


def test_others_do_not():
    with pytest.raises(Invalid):
        form().read(b'{"pipe": {"width": "14"}}', Dialect(path="/pipes"), None)
