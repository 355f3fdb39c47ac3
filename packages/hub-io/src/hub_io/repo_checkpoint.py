"""Moved to hub_io.hub."""

from hub_io.hub import DEFAULT_BRANCH, DownloadOptions, RepoCheckpoint, open_repository

__all__ = ["DEFAULT_BRANCH", "DownloadOptions", "RepoCheckpoint", "open_repository"]
