"""Mutants of what strangers write: each is read or refused with an error of ours, and nothing else happens."""

from __future__ import annotations

import pytest

from fuzzing.running import run_mutants
from fuzzing.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_read_or_refused(tmp_path, hub, mutants, record_property, name):
    """No other exception, no file elsewhere or left behind, no work without an end."""
    counts = run_mutants(TARGETS[name](tmp_path / name, hub), name, **mutants(name))
    record_property("fuzz", f"{name}: {counts}")
    assert counts.read > 0
    assert counts.refused
    assert counts.findings == [], "\n\n".join(counts.findings[:20])
