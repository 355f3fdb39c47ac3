"""Commands that the programs run."""

from __future__ import annotations

import pytest

from release_tools.environments import CommandError, run_command


def test_command_that_takes_too_long_is_told_with_what_it_printed(tmp_path):
    """Both streams, as text: the log of a trial must say how far its tests came."""
    command = ["sh", "-c", "echo first; echo second; echo third >&2; exec tail -f /dev/null"]
    with pytest.raises(CommandError) as caught:
        run_command(command, cwd=tmp_path, timeout=2)
    assert str(caught.value).endswith("was still running after 2 s:\nfirst\nsecond\nthird\n")
