"""The table of the proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from release_tools.combinations import Combination, Python
from release_tools.trials import Outcome, as_text
from workspace_packages import WORKSPACE_PACKAGES

PACKAGE = WORKSPACE_PACKAGES["pretrained-hub-io"]


@pytest.fixture
def outcomes():
    """Return a combination that passed, one that failed, and one on a Python that the package claims nothing about."""
    tried = Combination(PACKAGE, Python("3.11", Path("python")), "newest", "locked", Path("wheels"))
    failed = tried._replace(siblings="oldest")
    unclaimed = failed._replace(python=Python("3.99", Path("python")))
    return [
        Outcome(tried, None, tests=1217, seconds=99.7),
        Outcome(failed, "ImportError", tests=0, seconds=5),
        Outcome(unclaimed, "no wheels", tests=0, seconds=5),
    ]


def test_table_has_columns(outcomes):
    """A row for each combination, numbers on the right."""
    version = PACKAGE.version
    assert as_text(outcomes).splitlines() == [
        "package       Python  siblings  third parties  result                tests  seconds",
        f"hub-io {version}  3.11    newest    locked         ok                     1217      100",
        f"hub-io {version}  3.11    oldest    locked         FAILED                    -        5",
        f"hub-io {version}  3.99    oldest    locked         failed (not claimed)      -        5",
    ]
