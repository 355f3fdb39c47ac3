"""Whether a push would be allowed, asked before the work that it ends."""

from __future__ import annotations

from hub_io.errors import AccessDeniedError
from hub_io.hub._client_errors import HubRequest
from hub_io.hub._requests import asking, hub_client

__all__ = ["check_push_access"]


def check_push_access(repo_id: str, *, token: str | bool | None = None) -> None:
    """Check that there is a token, that it may write, and that its account may push to the owner of a repository.

    A fine-grained token may still lack the right for this repository; the Hub does not tell before the push.

    Args:
        repo_id: The repository, `owner/name`, or `name` under the token's own account. It need not exist.
        token: Access token; True or None for the stored one.

    Raises:
        AccessDeniedError: There is no token, it is unknown, it may only read, or the owner is somebody else.
        HubError: The Hub cannot be reached, or no repository can have the name.
    """
    if token is False:
        raise AccessDeniedError(f"Cannot push to {repo_id!r} without a token. Leave out token=False.", source=repo_id)
    with asking(HubRequest(repo_id, writes=True, token=token)):
        api = hub_client(token=token)
        _check_name(repo_id)
        account = api.whoami()
        name, role = str(account["name"]), account.get("auth", {}).get("accessToken", {}).get("role")
        organizations = [str(org["name"]) for org in account.get("orgs", []) if org.get("roleInOrg") != "read"]
    if role == "read":
        raise AccessDeniedError(
            f"Cannot push to {repo_id!r}: the token of {name!r} may only read. Create one with the role 'write'.",
            source=repo_id,
        )
    owner = repo_id.rpartition("/")[0] or name
    if owner.lower() not in {allowed.lower() for allowed in (name, *organizations)}:
        raise AccessDeniedError(
            f"Cannot push to {repo_id!r}: the token belongs to {name!r}, who may push to "
            f"{', '.join(f'{allowed}/…' for allowed in (name, *organizations))}. Use one of these, or another token.",
            source=repo_id,
        )


def _check_name(repo_id: str) -> None:
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented, without saying so

    validate_repo_id(repo_id)
