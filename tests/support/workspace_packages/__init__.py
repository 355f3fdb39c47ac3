"""The packages of this workspace, as tests are given them one by one."""

from __future__ import annotations

from pathlib import Path

from release_tools.workspace import Workspace

__all__ = ["ROOT", "WORKSPACE_PACKAGES"]

ROOT = Path(__file__).parents[3]
WORKSPACE_PACKAGES = Workspace(ROOT).packages
