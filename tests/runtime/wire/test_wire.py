"""Hosts that dial in to the control plane's bus over a Unix socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from cumulo.core.bus import answering
from cumulo.core.drivers import Permanent, Temporary, Unsupported
from cumulo.core.errors import Unavailable
from cumulo.runtime.wire import Hub, Spoke, peer


class Word(msgspec.Struct):
    """Something to say."""

    text: str


async def echo(word: Word) -> Word:
    """Say it twice."""
    return Word(word.text * 2)


async def refuse(word: Word) -> Word:
    """Say no."""
    raise Temporary(f"not now: {word.text}", public="later")


VERBS = {"echo": answering(Word, echo), "refuse": answering(Word, refuse)}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """The control plane's end, open."""
    hub = Hub()
    await hub.open(tmp_path / "bus")
    yield hub
    await hub.close()


@pytest.fixture
async def spoke(tmp_path: Path, hub: Hub) -> AsyncIterator[Spoke]:
    """A host's end."""
    del hub
    spoke = Spoke(tmp_path / "bus")
    await spoke.start()
    yield spoke
    await spoke.stop()


async def asked(hub: Hub, text: str, verb: str = "echo") -> str:
    """Ask the host, as soon as it has come."""
    async with asyncio.timeout(10):
        while True:
            try:
                return (await hub.call("far", verb, Word(text), Word)).text
            except Unavailable:
                await asyncio.sleep(0.01)


async def test_a_host_that_dialled_in_is_asked_and_answers(hub: Hub, spoke: Spoke) -> None:
    """As one in the same process would."""
    await spoke.serve("far", VERBS)
    assert await asked(hub, "a") == "aa"


async def test_what_a_host_raises_arrives_as_the_same_error(hub: Hub, spoke: Spoke) -> None:
    """With its text for users."""
    await spoke.serve("far", VERBS)
    with pytest.raises(Temporary, match="not now: a") as caught:
        await asked(hub, "a", "refuse")
    assert caught.value.public == "later"
    with pytest.raises(Unsupported):
        await asked(hub, "a", "unheard")


async def test_a_host_asks_the_control_plane_and_other_hosts(hub: Hub, spoke: Spoke, tmp_path: Path) -> None:
    """All go through the control plane."""
    await hub.serve("control", VERBS)
    other = Spoke(tmp_path / "bus")
    await other.start()
    await other.serve("far", VERBS)
    await asked(hub, "")
    assert (await spoke.call("control", "echo", Word("b"), Word)).text == "bb"
    assert (await spoke.call("far", "echo", Word("c"), Word)).text == "cc"
    await other.stop()


async def test_events_of_a_host_reach_who_subscribed(hub: Hub, spoke: Spoke) -> None:
    """In order."""
    heard: list[str] = []
    both = asyncio.Event()

    async def hear(word: Word) -> None:
        heard.append(word.text)
        if len(heard) == 2:
            both.set()

    hub.subscribe("words", Word, hear)
    await spoke.publish("words", Word("one"))
    await spoke.publish("words", Word("two"))
    async with asyncio.timeout(10):
        await both.wait()
    assert heard == ["one", "two"]


async def test_a_question_fails_when_the_host_goes_before_it_answered(hub: Hub, tmp_path: Path) -> None:
    """And the host is there no more."""
    begun = asyncio.Event()

    async def never(word: Word) -> Word:
        begun.set()
        await asyncio.Event().wait()
        return word

    spoke = Spoke(tmp_path / "bus")
    await spoke.start()
    await spoke.serve("far", {"never": answering(Word, never), **VERBS})
    await asked(hub, "")
    asking = asyncio.create_task(hub.call("far", "never", Word(""), Word))
    await begun.wait()
    await spoke.stop()
    with pytest.raises(Unavailable):
        await asking


async def test_a_host_dials_again_when_the_control_plane_was_away(tmp_path: Path) -> None:
    """And announces anew what it serves."""
    hub = Hub()
    await hub.open(tmp_path / "bus")
    spoke = Spoke(tmp_path / "bus")
    await spoke.start()
    await spoke.serve("far", VERBS)
    assert await asked(hub, "a") == "aa"
    await hub.close()
    again = Hub()
    await again.open(tmp_path / "bus")
    assert await asked(again, "b") == "bb"
    await spoke.stop()
    await again.close()


async def test_a_silent_host_is_waited_for_no_longer_than_said(hub: Hub, spoke: Spoke) -> None:
    """Whatever it does."""

    async def never(word: Word) -> Word:
        await asyncio.Event().wait()
        return word

    await spoke.serve("far", {"never": answering(Word, never), **VERBS})
    await asked(hub, "")
    with pytest.raises(Unavailable, match="in time"):
        await hub.call("far", "never", Word(""), Word, timeout=0.05)


async def test_a_host_that_left_late_does_not_take_its_successor_along(
    hub: Hub, spoke: Spoke, tmp_path: Path
) -> None:
    """It was started anew before the old process had said goodbye."""
    await spoke.serve("far", {"echo": answering(Word, refuse)})
    with pytest.raises(Temporary):
        await asked(hub, "a")
    successor = Spoke(tmp_path / "bus")
    await successor.start()
    await successor.serve("far", VERBS)
    async with asyncio.timeout(10):
        while True:
            try:
                assert await asked(hub, "a") == "aa"
                break
            except Temporary:
                await asyncio.sleep(0.01)
    await spoke.withdraw("far")
    await spoke.serve("near", VERBS)  # told after the goodbye, over the same connection
    assert (await spoke.call("near", "echo", Word("n"), Word)).text == "nn"
    assert (await hub.call("far", "echo", Word("b"), Word)).text == "bb"
    await successor.stop()


async def test_an_answer_that_is_too_long_is_refused_and_others_go_on(
    hub: Hub, spoke: Spoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection, which all share, stays."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(word: Word) -> Word:
        begun.set()
        await go_on.wait()
        return word

    await spoke.serve("far", {**VERBS, "wait": answering(Word, wait)})
    await asked(hub, "")
    other = asyncio.create_task(hub.call("far", "wait", Word("w"), Word))
    await begun.wait()
    monkeypatch.setattr(peer, "LARGEST", 1000)
    with pytest.raises(Permanent, match="too many"):
        await hub.call("far", "echo", Word("a" * 600), Word)
    with pytest.raises(Permanent, match="too many"):
        await hub.call("far", "echo", Word("a" * 1200), Word)
    go_on.set()
    assert (await other).text == "w"


async def test_what_is_served_while_a_connection_is_greeted_is_announced(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow connection lets others in between two announcements."""
    tell, greeted = peer.Peer.tell, asyncio.Event()

    async def slowly(self: peer.Peer, frame: peer.Frame) -> None:
        if frame.host == "first":
            greeted.set()
            await asyncio.sleep(0)
        await tell(self, frame)

    monkeypatch.setattr(peer.Peer, "tell", slowly)
    spoke = Spoke(tmp_path / "bus")
    await spoke.serve("first", VERBS)
    await spoke.serve("second", VERBS)
    await spoke.start()
    await greeted.wait()
    await spoke.serve("far", VERBS)
    assert await asked(hub, "a") == "aa"
    await spoke.stop()


async def test_its_socket_is_for_root_alone_and_no_other_file_for_fewer(tmp_path: Path) -> None:
    """A umask is the whole process's: a thread that made a file meanwhile would have had it, too."""
    seen = []
    listen = asyncio.start_unix_server

    async def looked_at(*arguments: object, **named: object) -> object:
        (tmp_path / "another").touch()
        seen.append((tmp_path / "another").stat().st_mode & 0o777)
        return await listen(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came

    hub = Hub()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "start_unix_server", looked_at)
        await hub.open(tmp_path / "bus")
    await hub.close()
    assert seen == [0o644]
    assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o600
