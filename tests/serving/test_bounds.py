"""How long a slow client is waited for."""

from cumulo.serving import Bounds, Pace


def test_waiting_ends_unless_enough_comes_meanwhile():
    pace = Pace(Bounds(body_seconds=60, body_rate=500, most_seconds=900))
    for _ in range(59):
        pace.waited(1)
        pace.came(1)
    assert 0 < pace.left < 2
    for _ in range(10_000):
        pace.waited(1)
        pace.came(500)
    assert pace.left > 0


def test_who_has_sent_a_lot_may_be_silent_for_a_while_only():
    pace = Pace(Bounds(body_seconds=60, body_rate=500, most_seconds=900))
    pace.came(1 << 40)
    pace.waited(899)
    assert pace.left > 0
    pace.waited(1)
    assert pace.left <= 0
