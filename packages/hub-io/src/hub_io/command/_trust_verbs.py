"""`hub-io trust`, `list` and `revoke`: the entries of the trust store, and the file that they change."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from config_core.checkpoint import existing_path
from hub_io.code import CodeStore
from hub_io.command._inspect_verb import shipped_code_lines, shipped_code_values
from hub_io.command._reports import NO, OK, UNAVAILABLE, Report, reporting, wants_json
from hub_io.command._screen import bad, counted, dim, good, heading, printable, show
from hub_io.command._sources import Asked, find_shipped_code, of_source
from hub_io.errors import NoRemoteCodeError, TrustStoreError
from hub_io.trust import (
    CAP_VARIABLE,
    PROJECT_STORE,
    STORE_VARIABLE,
    EntryError,
    TrustEntry,
    TrustFile,
    TrustStore,
    default_policy,
    find_store,
    named_store_path,
    project_store_path,
    user_store_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from config_core.code import CodeBundle
    from hub_io.code import RemoteCode
    from hub_io.trust import FileContents, TrustPolicy

__all__ = ["list_entries", "revoke", "trust"]

_SHORTEST_DIGEST = 12
_Owner = Literal["project", "user"]


def _store_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--project` and `--user`, which choose a trust file: the parameter `owner`."""
    project = click.option(
        "--project", "owner", flag_value="project",
        help=f"The project's file: the nearest {PROJECT_STORE}, or a new one in the working directory.",
    )  # fmt: skip
    user = click.option(
        "--user", "owner", flag_value="user",
        help="The user's file. Default: the project's if there is one, else the user's.",
    )  # fmt: skip
    return project(user(function))


@click.command(short_help="Show the code that SOURCE ships, and trust it.")
@of_source
@click.option("--note", default="", metavar="TEXT", help="A comment to keep in the entry, such as a ticket.")
@click.option("--by", metavar="NAME", help="Who has read the code, for the entry. Default: this user's login name.")
@_store_options
@click.option(
    "--digest", "digests", multiple=True, metavar="SHA256",
    help="Trust only code with this digest, as shown by `inspect`. May be repeated.",
)  # fmt: skip
@click.option("--source-code", is_flag=True, help="Print the files too.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation. Required without a terminal.")
@reporting
def trust(
    *,
    note: str,
    by: str | None,
    owner: _Owner | None,
    digests: tuple[str, ...],
    source_code: bool,
    yes: bool,
    **asked: Any,
) -> Report:
    """Show the code that SOURCE ships, and add it to the trust store.

    From then on exactly this code runs without `trust_remote_code=True`, with your rights. Loads open the repository at
    this commit unless they pass another revision. Code in another repository gets its own entry. You are asked for
    confirmation on a terminal; without one, --yes is required. Trusting the same code again keeps the earlier times in
    the history of the entry.

    \b
    Examples:
      hub-io trust owner/name --by Ada --note "ticket 12"
      hub-io trust owner/name --revision 0123abc… --project
      hub-io trust ./checkpoint --digest 5f70bf18… --yes
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    if not yes and (wants_json() or not (sys.stdin.isatty() and sys.stderr.isatty())):
        message = "There is no terminal to ask for confirmation. Read the output of `hub-io inspect`, then pass --yes."
        return Report({"entries": [], "refused": message}, [f"{bad('Not trusted')}: {message}"], NO)
    file = _choose_file(owner)
    shipped, policy = find_shipped_code(Asked(**asked)), default_policy()
    if not shipped.codes:
        raise NoRemoteCodeError(str(shipped.checkpoint))
    for code in shipped.codes:
        _refuse_file_in_checkpoint(file, code)
    entries = [_entry(code, file, note=note, by=_login() if by is None else by) for code in shipped.codes]
    if not wants_json():
        for line in shipped_code_lines(shipped, with_source=source_code):
            show(line)
        show()
    values = shipped_code_values(shipped, with_source=source_code) if wants_json() else {}
    values |= {"file": str(file.path), "entries": [entry.to_dict() for entry in entries]}
    if refusal := _not_expected(entries, digests):
        return Report({**values, "entries": [], "refused": refusal}, [f"{bad('Not trusted')}: {refusal}"], NO)
    if not yes and not click.confirm(
        f"Let this code run from now on, and add it to {printable(str(file.path))}?", err=True
    ):
        return Report({}, [bad("Not trusted")], NO)
    for code, entry in zip(shipped.codes, entries, strict=True):
        file.add(entry)
        _keep_for_diff(code.bundle, source=code.source)
    lines = [f"{good('Trusted')} {_described(file, entry)}" for entry in entries]
    return Report(values, [*lines, *_cap_lines(policy)])


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # containers have users without a name
        return ""


def _entry(code: RemoteCode, file: TrustFile, *, note: str, by: str) -> TrustEntry:
    """Return the entry for code.

    Raises:
        TrustStoreError: A trust file cannot hold it, for example because the folder's name has a line break.
    """
    try:
        known, source = file.entries(), code.stored_source
        return TrustEntry.of(code.bundle, source=source, commit=code.commit, note=note, by=by, newer_than=known)
    except EntryError as error:
        raise TrustStoreError(f"it cannot hold an entry for this code: {error}.", path=file.path) from error


@click.command(name="list", short_help="List the trusted code and its trust files.")
@reporting
def list_entries() -> Report:
    """List the trusted code, the trust files, and the administrator's cap.

    \b
    Examples:
      hub-io list
      hub-io list --json
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    policy = default_policy()
    store, located = policy.store, policy.store.located_entries
    values = {
        "cap": policy.cap,
        "entries": [_located(*each) for each in located],
        "files": [str(file.path) for file in store.files],
        "publishers": sorted({name for _, contents in store.located_contents for name in contents.publishers}),
        "cooling_days": store.cooling_days,
        "not_used": {str(path): why for path, why in store.ignored.items()},
    }
    lines = [line for each in store.located_contents for line in _lines_of_file(*each)]
    lines += [f"{bad('not used')}: {printable(str(path))} {printable(why)}" for path, why in store.ignored.items()]
    lines = lines or ["No code is trusted. `hub-io trust SOURCE` adds an entry."]
    return Report(values, [*lines, *_cap_lines(policy)])


@click.command(short_help="Remove entries, so that their code no longer runs.")
@click.argument("what", metavar="[SOURCE|DIGEST]", required=False)
@click.option("--all", "everything", is_flag=True, help="Remove every entry.")
@_store_options
@reporting
def revoke(*, what: str | None, everything: bool, owner: _Owner | None) -> Report:
    """Remove entries from the trust store, so that their code no longer runs.

    SOURCE removes every entry of a folder or repository; a digest, or at least its first 12 digits, removes the entries
    with that digest. Without --project or --user they are removed from every file in use. If an entry of another source
    or in another file still trusts the same code, or its publisher is trusted, that is said, and the exit code is 1.
    Running processes keep the code that they have loaded.

    \b
    Examples:
      hub-io revoke owner/name
      hub-io revoke 5f70bf18a086 --user
      hub-io revoke --all
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    if everything == (what is not None):
        raise click.UsageError("Name a SOURCE or DIGEST, or pass --all.")
    meant = [each for each in find_store().located_entries if what is None or _is_meant(each[1], what)]
    removed = [
        (file, entry)
        for file in _store_to_change(owner).files
        for entry in file.remove_if(lambda entry: what is None or _is_meant(entry, what))
    ]
    digests = {entry.digest for _, entry in removed or meant}
    store = find_store()
    left = [(file, entry) for file, entry in store.located_entries if entry.digest in digests]
    publishers = _publishers_of(what, [entry for _, entry in removed or meant], store)
    values = {
        "removed": [_located(*each) for each in removed],
        "still_trusted_by": [_located(*each) for each in left],
        "still_trusted_publishers": publishers,
    }
    lines = [f"{good('Revoked')} {_described(*each)}" for each in removed]
    lines += [f"{bad('Still trusted')}: the same code, as {_described(*each)}" for each in left]
    lines += [
        f"{bad('Still trusted')}: all code of the publisher {owner}, in {printable(path)}. Remove that name by hand."
        for owner, path in publishers.items()
    ]
    if removed or left or publishers:
        return Report(values, lines, NO if left or publishers else OK)
    missing = "There are no entries." if what is None else f"There is no entry for {printable(what)}."
    return Report(values, [f"{missing} `hub-io list` shows all entries."], OK if what is None else UNAVAILABLE)


def _publishers_of(what: str | None, entries: Sequence[TrustEntry], store: TrustStore) -> dict[str, str]:
    """Return each publisher whose code would still run, and the file that names it.

    Args:
        what: What the user revokes; None for everything.
        entries: The entries that it means.
        store: The trust store afterwards.
    """
    if what is None:
        owners = {name for _, contents in store.located_contents for name in contents.publishers}
    else:
        owners = {entry.source.partition("/")[0] for entry in entries if entry.commit}
        if existing_path(what) is None:  # perhaps a repository that has no entry yet
            owners.add(what.partition("/")[0])
    return {owner: str(file.path) for owner in sorted(owners) if (file := store.publisher_file(owner)) is not None}


def _located(file: TrustFile, entry: TrustEntry) -> dict[str, Any]:
    return {"file": str(file.path), **entry.to_dict()}


def _described(file: TrustFile, entry: TrustEntry) -> str:
    return f"{printable(entry.source)}{_at(entry)}, in {printable(str(file.path))}"


def _not_expected(entries: Sequence[TrustEntry], digests: tuple[str, ...]) -> str | None:
    """Return why the code does not have one of the given digests, or None."""
    for entry in entries:
        if digests and entry.digest not in {digest.removeprefix("sha256:").lower() for digest in digests}:
            return f"the code of {printable(entry.source)} has the digest {entry.digest}, which --digest does not list."
    return None


def _keep_for_diff(bundle: CodeBundle, *, source: str) -> None:
    """Keep the code for later comparisons. Trust does not depend on it."""
    try:
        CodeStore.default().keep(bundle, source=source)
    except OSError as error:
        show(dim(f"The code was not kept for `hub-io diff`: {error}"), err=True)


def _lines_of_file(file: TrustFile, contents: FileContents) -> Iterator[str]:
    yield heading(str(file.path))
    for owner in contents.publishers:
        yield f"  {bad('publisher')} {owner}: the code of its repositories runs, and gets an entry when it first runs"
    if contents.cooling_days:
        yield f"  cooling time: code without an entry runs only if its commit is {contents.cooling_days} days old"
    for entry in contents.entries:
        yield f"  {printable(entry.source)}{_at(entry)}"
        size = counted(len(entry.files), "file")
        yield f"    digest  {entry.digest}  {dim(f'({size})')}"
        yield f"    since   {entry.trusted_at}{_said(entry.by, entry.note)}"
        for earlier in entry.history:
            yield f"    earlier {earlier['trusted_at']}{_said(earlier['by'], earlier['note'])}"
    if not contents.entries:
        yield "  no entries"


def _said(by: str | None, note: str | None) -> str:
    return "".join(f"  {printable(text)}" for text in (f"by {by}" if by else "", note) if text)


def _cap_lines(policy: TrustPolicy) -> Iterator[str]:
    if policy.cap == "deny":
        yield f"{bad(f'{CAP_VARIABLE}=deny')}: no remote code runs here, trusted or not."
    elif policy.cap == "locked":
        yield f"{heading(f'{CAP_VARIABLE}=locked')}: no other remote code runs here, even with trust_remote_code=True."


def _at(entry: TrustEntry) -> str:
    return f" at commit {entry.commit}" if entry.commit else ""


def _is_meant(entry: TrustEntry, what: str) -> bool:
    digest = what.removeprefix("sha256:").lower()
    if len(digest) >= _SHORTEST_DIGEST and entry.digest.startswith(digest):
        return True
    return entry.source == what or (entry.commit is None and entry.source == os.path.realpath(what))


def _choose_file(owner: _Owner | None) -> TrustFile:
    """Return the file to add entries to.

    Raises:
        click.UsageError: The user has no home folder, or the options contradict `HUB_IO_TRUST_STORE`.
        TrustStoreError: Loads would not use the file.
    """
    path = _path_of(owner)
    if why := find_store().ignored.get(path):
        raise TrustStoreError(f"it is not used, because it {why}. Change that, or use another file.", path=path)
    return TrustFile(path)


def _store_to_change(owner: _Owner | None) -> TrustStore:
    """Return the files to remove entries from: the chosen one, or all files in use."""
    return find_store() if owner is None else TrustStore((_choose_file(owner),))


def _refuse_file_in_checkpoint(file: TrustFile, code: RemoteCode) -> None:
    """Raise if a trust file is inside the checkpoint whose code it would trust: loads would not use it.

    Raises:
        TrustStoreError: It is.
    """
    for folder in code.folders:
        if not TrustStore((file,)).without(folder).files:
            raise TrustStoreError(
                "it is inside the checkpoint, which cannot declare itself trusted. Run this from another folder, or "
                "pass --user.",
                path=file.path,
            )


def _path_of(owner: _Owner | None) -> Path:
    if (named := named_store_path()) is not None:
        if owner is not None:
            raise click.UsageError(f"{STORE_VARIABLE} names the only file in use. Unset it, or omit --{owner}.")
        return named
    project = project_store_path()
    if owner == "project" or (owner is None and project is not None):
        return project or Path(os.path.abspath(PROJECT_STORE))  # noqa: PTH100 - keeps links
    user = user_store_path()
    if user is None:
        raise click.UsageError(f"This user has no home folder. Pass --project, or set {STORE_VARIABLE}.")
    return user
