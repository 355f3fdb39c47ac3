"""What is released, in which order, and what must be tested for a change.

_plan.py      which packages move, with which versions and bounds
_writing.py   a plan, written into the files
_affected.py  the packages and tests that a change concerns
command.py    the verbs `status`, `plan`, `affected`, `verify` and `wait`
"""

from __future__ import annotations

from release_tools.planning._affected import affected_packages, folders_to_test
from release_tools.planning._plan import plan_releases, spelled

__all__ = ["affected_packages", "folders_to_test", "plan_releases", "spelled"]
