"""Logs: JSON lines, and no secret in them."""

import io

import msgspec
import pytest
import structlog

from cumulo.core.observe import configure, level, set_level

SECRET = "correct horse"


@pytest.fixture
def stream():
    written = io.StringIO()
    configure(style="json", stream=written)
    yield written
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json(stream):
    structlog.get_logger().info("server.created", request_id="req-1", server_id="s")
    event = msgspec.json.decode(stream.getvalue())
    assert event["event"] == "server.created"
    assert event["request_id"] == "req-1"
    assert event["level"] == "info"


def test_secrets_are_blanked_by_their_names(stream):
    structlog.get_logger().info("token.issued", token="abc", password="hunter2", **{"X-Auth-Token": "abc"})
    assert "abc" not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_what_is_below_the_level_is_not_written(stream):
    structlog.get_logger().debug("noise")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("style", ["human", "json"])
def test_a_traceback_does_not_show_what_variables_held(style):
    written = io.StringIO()
    configure(style=style, stream=written)
    try:
        fail_with(SECRET)
    except ZeroDivisionError as error:
        structlog.get_logger().error("failed", exc_info=error)
    finally:
        structlog.reset_defaults()
    assert "ZeroDivisionError" in written.getvalue()
    assert SECRET not in written.getvalue()


def fail_with(password):
    return len(password) / 0


def test_the_level_is_told_and_changed_while_the_process_runs():
    stream = io.StringIO()
    configure(style="json", level="WARNING", stream=stream)
    assert level() == "WARNING"
    structlog.get_logger().info("unheard")
    set_level("INFO")
    structlog.get_logger().info("heard")
    assert level() == "INFO"
    assert "unheard" not in stream.getvalue()
    assert "heard" in stream.getvalue()
