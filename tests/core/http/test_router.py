"""The trie: literals before parameters, and back again when a literal leads nowhere."""

from hypothesis import given
from hypothesis import strategies as st

from cumulo.core.http.router import Router


def router(*paths):
    made = Router()
    for path in paths:
        made.add("GET", path, path)
    return made


def served(made, path):
    found = made.find([part for part in path.split("/") if part])
    return None if found is None else (found[0].methods["GET"], found[1])


def test_a_literal_wins_over_a_parameter():
    made = router("/servers/{id}", "/servers/detail")
    assert served(made, "/servers/detail") == (["/servers/detail"], [])
    assert served(made, "/servers/x") == (["/servers/{id}"], ["x"])


def test_a_literal_that_leads_nowhere_gives_way_to_the_parameter():
    made = router("/servers/{id}", "/{project}/servers/{id}/action")
    assert served(made, "/servers/servers/x/action") == (["/{project}/servers/{id}/action"], ["servers", "x"])


def test_the_rest_of_a_path_can_be_taken_whole():
    made = router("/files/{path+}", "/files/index")
    assert served(made, "/files/a/b/c") == (["/files/{path+}"], ["a/b/c"])
    assert served(made, "/files/index") == (["/files/index"], [])
    assert served(made, "/files") is None


def test_several_entries_can_share_a_path():
    made = Router()
    made.add("POST", "/servers/{id}/action", "start")
    made.add("POST", "/servers/{server_id}/action", "stop")
    node, values = made.find(["servers", "1", "action"])
    assert node.methods["POST"] == ["start", "stop"]
    assert values == ["1"]


segment = st.text(alphabet="ab", min_size=1, max_size=2)


@given(
    st.lists(st.lists(segment | st.just("{x}"), min_size=1, max_size=4), min_size=1, max_size=8), st.data()
)
def test_whatever_is_added_is_found(paths, data):
    made = router(*("/".join(path) for path in paths))
    chosen = data.draw(st.sampled_from(paths))
    asked = [data.draw(segment) if part == "{x}" else part for part in chosen]
    assert made.find(asked) is not None
