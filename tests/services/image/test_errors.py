"""In which form a client is told what is wrong: WebOb's, by what it says it takes."""

import pytest

from cumulo.services.image.api.dialect import wants_page
from cumulo.testing.cloud import Cloud

LOST = "/image/v2/images/none"


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("*/*", True),
        ("text/html", True),
        ("text/*", True),
        ("text/html, application/json", True),
        ("application/json", False),
        ("application/json, */*;q=0.8", False),
        ("application/json;q=0.2, text/html;q=0.9", True),
        ("*/*, text/html;q=0.1", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
        ("image/png", False),
        (",;q=", False),
    ],
)
def test_a_page_is_for_who_takes_one_as_gladly_as_a_document(accept: str, page: bool):
    assert wants_page(accept) is page


async def test_glanceclient_which_asks_for_anything_reads_a_page(cloud: Cloud):
    answer = await cloud.member("p1").get(f"{LOST}<b>", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")
    assert "<h1>404 Not Found</h1>" in answer.text
    assert "none&lt;b&gt;" in answer.text


async def test_a_client_that_asks_for_json_gets_it(cloud: Cloud):
    answer = await cloud.member("p1").get(LOST, headers={"Accept": "application/json"})
    assert answer.json()["code"] == "404 Not Found"


async def test_a_stranger_is_refused_in_json_whatever_is_asked_for(cloud: Cloud):
    answer = await cloud.anonymous().get(LOST, headers={"Accept": "text/html"})
    assert answer.json()["error"]["code"] == 401
