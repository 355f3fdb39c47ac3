"""The Hugging Face Hub: repositories opened at one commit, and folders published in one.

`huggingface_hub` is imported at the first call.
"""

from hub_io.hub._publishing import check_push_access, publish
from hub_io.hub._repo_checkpoint import DEFAULT_BRANCH, RepoCheckpoint, open_repository

__all__ = ["DEFAULT_BRANCH", "RepoCheckpoint", "check_push_access", "open_repository", "publish"]
