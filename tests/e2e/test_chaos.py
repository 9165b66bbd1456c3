"""Kill Cumulo at random while clients use it, on fakes and for seconds: nothing hangs, leaks or gets lost."""

from cumulo.runtime.chaos.run import Wanted, run


def test_a_cloud_that_was_killed_again_and_again_is_sound(capfd):
    status = run(Wanted(seconds=30, seed=20261121))
    assert status == 0, capfd.readouterr().out
