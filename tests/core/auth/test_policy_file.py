"""An operator's policy file counts without a restart, and a broken one does no harm."""

from pathlib import Path

import pytest

from cumulo.core import clock
from cumulo.core.auth import FileEnforcer, Identity, Rule

RULE = Rule("thing:do", "role:member", "Do it.")
READER = Identity(user_id="u", roles=("reader",))


def test_a_changed_file_counts_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: instant[0])
    instant, path = [100.0], tmp_path / "policy.yaml"
    enforcer = FileEnforcer([RULE], path)
    assert not enforcer.allows(RULE, READER)
    path.write_text('"thing:do": "role:reader"\n')
    assert not enforcer.allows(RULE, READER)
    instant[0] += 1
    assert enforcer.allows(RULE, READER)
    path.write_text("- no mapping\n- at all\n")
    instant[0] += 1
    assert enforcer.allows(RULE, READER)
    path.write_text('"thing:do": "rule:other"\n"other": "rule:thing:do"\n')
    instant[0] += 1
    assert enforcer.allows(RULE, READER)
    path.unlink()
    instant[0] += 1
    assert not enforcer.allows(RULE, READER)
