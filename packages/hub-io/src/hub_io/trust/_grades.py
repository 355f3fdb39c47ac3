"""Grades of trust below exact content, which a trust file may switch on: publishers, and a cooling time.

A publisher is an owner of repositories, such as one's own organisation. What it publishes runs, and gets an entry when
it first runs. A cooling time keeps code without an entry from running until its commit is some days old: others may
find what is wrong with it meanwhile. The time of a commit is what the Hub says, and who pushes may set it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub_io.errors import HubError
from hub_io.trust._decision import Refused, Trusted

if TYPE_CHECKING:
    from hub_io.code import RemoteCode
    from hub_io.trust._decision import TrustDecision
    from hub_io.trust._store import TrustStore

__all__ = ["cooling_problem", "trust_publisher"]


def trust_publisher(code: RemoteCode, store: TrustStore, *, otherwise: Refused) -> TrustDecision:
    """Decide on code of a publisher; `otherwise`, perhaps with another reason, for other code.

    Raises:
        SourceCodeError: The publisher is trusted, but a file is missing or not Python.
    """
    file = store.publisher_file(code.owner)
    if file is None or code.repository is None:
        return otherwise
    try:
        name, _ = code.repository.ask_about()
        is_published = code.repository.is_published()
    except HubError as error:
        return replace(otherwise, reason=f"{otherwise.reason}, and the Hub does not say whose it is: {error}")
    if name.partition("/")[0] != code.owner:
        return replace(otherwise, reason=f"{otherwise.reason}, and the repository is {name} now")
    if not is_published:
        reason = "no branch or tag of the repository has this commit: anybody may open a pull request with one"
        return replace(otherwise, reason=f"{otherwise.reason}, and {reason}")
    if problem := cooling_problem(code, store):
        return replace(otherwise, reason=problem, may_be_passed=False)
    return Trusted(f"{file.path} (publisher {code.owner})", code, record_in=file)


def cooling_problem(code: RemoteCode, store: TrustStore) -> str | None:
    """Return why code is too young to run without an entry, or None."""
    days, repository = store.cooling_days, code.repository
    if not days or repository is None:
        return None
    try:
        _, time = repository.ask_about()
    except HubError as error:
        return f"the trust store asks for commits that are {days} days old, and the Hub does not say how old: {error}"
    if datetime.now(UTC) - time >= timedelta(days=days):
        return None
    return (
        f"its commit is of {time:%Y-%m-%d}, and the trust store lets code without an entry run only once its commit is "
        f"{days} days old"
    )
