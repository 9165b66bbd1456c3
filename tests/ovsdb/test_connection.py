import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cumulo.ovsdb.connection import Framer

OBJECTS = st.lists(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.text() | st.integers(-9, 9),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
            max_leaves=6,
        ),
    ),
    max_size=5,
)


@given(OBJECTS, st.data())
def test_messages_come_out_whole_however_the_stream_is_cut(objects, data):
    stream = b"".join(map(msgspec.json.encode, objects))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer = Framer()
    messages = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        messages += framer.feed(stream[start:end])
    assert [msgspec.json.decode(message) for message in messages] == objects
