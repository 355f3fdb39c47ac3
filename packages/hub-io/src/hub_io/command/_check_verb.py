"""`hub-io check`: whether the code of some checkpoints would run where only trusted code does. It is made for CI."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auto_registry.auto_tasks import loadable_names
from auto_registry.code_load import CodeLoad
from auto_registry.errors import AutoRegistryError
from config_core.checkpoint import HubOptions, existing_path
from config_core.errors import CheckpointNotFoundError, ConfigCoreError
from hub_io.code import find_each, processing_load
from hub_io.command._diff_verb import change_lines
from hub_io.command._reports import NO, OK, Report, exit_code_of, reporting
from hub_io.command._screen import bad, good, heading, printable
from hub_io.command._sources import Asked, offline_option, open_source, transformers_option
from hub_io.errors import HubIoError, TrustPolicyError, TrustStoreError
from hub_io.file_changes import FileChanges
from hub_io.trust import Refused, Trusted, decide, default_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config_core.checkpoint import Checkpoint
    from hub_io.trust import TrustDecision, TrustPolicy

__all__ = ["check"]

_MAX_REQUIREMENTS_BYTES = 1024 * 1024
_FOR_EVERY_SOURCE = (TrustPolicyError, TrustStoreError)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a load of one source would do.

    Attributes:
        name: The source and revision, as the user names them.
        commit: Its commit; None for a folder, or if the source cannot be opened.
        decisions: The decision on the code in each folder or repository; none for a checkpoint without code.
        error: What went wrong, or None.
    """

    name: str
    commit: str | None = None
    decisions: tuple[TrustDecision, ...] = ()
    error: Exception | None = None

    @property
    def exit_code(self) -> int:
        """OK if all of its code would run, else NO or UNAVAILABLE."""
        if not all(_is_recorded(decision) for decision in self.decisions):
            return NO
        return OK if self.error is None else exit_code_of(self.error)


@click.command(short_help="Check, for CI, that only trusted code would run.")
@click.argument("names", metavar="[NAME[@REVISION]]...", nargs=-1)
@click.option(
    "--requirements", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A text file with one NAME or NAME@REVISION on each line. `#` starts a comment.",
)  # fmt: skip
@click.option("--subfolder", default="", metavar="DIR", help="Folder inside each source that holds config.json.")
@transformers_option("Check the code of tokenizers and processors, too, as load_into_transformers() runs it.")
@offline_option
@reporting
def check(*, names: Sequence[str], requirements: Path | None, **asked: Any) -> Report:
    """Check that the trust store has all code that these checkpoints would run.

    NAME is a folder or a repository `owner/name`, as it is passed to from_pretrained(). Each is opened as a load opens
    it: at REVISION, else at the commit in the trust store, else at the default branch. The check passes if
    HUB_IO_REMOTE_CODE=locked would let all of the code run; a checkpoint without code passes. Of other code it says
    what has changed, and the commands to review and to trust it. Nothing is executed or imported, so packages that the
    code imports need not be installed.

    Code of tokenizers and processors, which from_pretrained() never runs, is left out without --for-transformers.

    Exits with 0 only if every source passes, with 1 if some code is not trusted, or else with 3 if a source cannot be
    opened.

    \b
    Examples:
      hub-io check owner/name ./checkpoint
      hub-io check owner/name@v1.2 --json
      hub-io check --requirements models.txt --for-transformers
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    wanted = list(dict.fromkeys([*names, *(_lines_of(requirements) if requirements else ())]))
    if not wanted:
        raise click.UsageError("There is nothing to check. Name checkpoints, or a --requirements file with some.")
    policy = default_policy()
    _ = policy.store.located_entries  # a malformed trust file is an error, however many sources there are
    checked = [_check(name, policy, Asked(name, **asked)) for name in wanted]
    codes = {each.exit_code for each in checked}
    return Report(
        {"checked": [_values(each) for each in checked]},
        [line for each in checked for line in _lines(each)],
        NO if NO in codes else max(codes),
    )


def _is_recorded(decision: TrustDecision) -> bool:
    """Return whether the trust store has the content: a publisher's code that has not run yet is not in it."""
    return isinstance(decision, Trusted) and decision.record_in is None


def _lines_of(requirements: Path) -> list[str]:
    """Return the names in a requirements file."""
    with requirements.open("rb") as file:  # perhaps a pipe, which has no size
        content = file.read(_MAX_REQUIREMENTS_BYTES + 1)
    if len(content) > _MAX_REQUIREMENTS_BYTES:
        raise click.UsageError(f"{str(requirements)!r} is larger than {_MAX_REQUIREMENTS_BYTES:,} bytes.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{str(requirements)!r} is not UTF-8 text.") from error
    # As in pip's files: a name may have the sign in it, and what is cut off would be checked as another one.
    names = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [name for name in names if name]


def _check(name: str, policy: TrustPolicy, asked: Asked) -> _Checked:
    checked = _Checked(name)
    try:
        checkpoint = _open(asked, policy)
        checked = replace(checked, commit=checkpoint.commit)
        for decision in _decisions(checkpoint, policy, asked):
            checked = replace(checked, decisions=(*checked.decisions, decision))
    except _FOR_EVERY_SOURCE:
        raise
    except (HubIoError, ConfigCoreError, AutoRegistryError, OSError) as error:
        return replace(checked, error=error)
    return checked


def _open(asked: Asked, policy: TrustPolicy) -> Checkpoint:
    """Open a source as a load does."""
    if existing_path(asked.source) is not None:
        return open_source(asked)
    source, sign, revision = asked.source.partition("@")
    if sign and not revision:  # such as from an empty variable of a script
        raise CheckpointNotFoundError(
            f"{asked.source!r} names no revision after the '@'. Name one, or leave the '@' out.", source=asked.source
        )
    if revision and existing_path(source) is not None:
        raise click.UsageError(f"{source!r} is a folder, which has no revisions. Leave '@{revision}' out.")
    pin = None if revision else policy.store.pin(source)
    with policy.store.explaining_pin(source, pin):
        return open_source(replace(asked, source=source, revision=revision or pin))


def _decisions(checkpoint: Checkpoint, policy: TrustPolicy, asked: Asked) -> Iterator[TrustDecision]:
    """Yield the decision on the code in each folder or repository."""
    load = CodeLoad.of_checkpoint(checkpoint, HubOptions(local_files_only=asked.offline))
    load.policy = policy
    yield from map(decide, find_each(load, loadable_names(load.auto_map), pins=policy.store))
    if asked.for_transformers:
        processing = processing_load(load)
        yield from map(decide, find_each(processing, processing.auto_map, pins=policy.store))


def _values(checked: _Checked) -> dict[str, Any]:
    return {
        "name": checked.name,
        "ok": checked.exit_code == OK,
        "commit": checked.commit,
        "code": [_values_of(decision) for decision in checked.decisions],
        "problem": None if checked.error is None else str(checked.error),
    }


def _values_of(decision: TrustDecision) -> dict[str, Any]:
    code = decision.code
    values = {"source": code.source, "for_transformers": code.for_transformers}
    if _is_recorded(decision):
        found = {"commit": code.commit, "digest": code.bundle.digest}
        return {**values, **found, "trusted": True, "because": _reason(decision)}
    return {
        **values,
        "trusted": False,
        "because": _reason(decision),
        **asdict(_changes(decision)),
        "commands": _commands(decision),
    }


def _lines(checked: _Checked) -> Iterator[str]:
    at = f" at commit {checked.commit}" if checked.commit else ""
    yield f"{heading(checked.name)}{at}"
    for decision in checked.decisions:
        where = "" if len(checked.decisions) == 1 else f" {printable(decision.code.source)}"
        where += " (tokenizers and processors)" if decision.code.for_transformers else ""
        if _is_recorded(decision):
            yield f"  {good('trusted')}{where} by {printable(_reason(decision))}"
        else:
            yield f"  {bad('not trusted')}{where}: {printable(_reason(decision))}"
            yield from _details(decision)
    if checked.error is not None:
        first, *rest = (str(checked.error) or type(checked.error).__name__).split("\n")
        yield f"  {bad(first)}"
        yield from (f"  {printable(line)}" for line in rest)
    elif not checked.decisions:
        yield f"  {good('no code')}"


def _reason(decision: TrustDecision) -> str:
    if isinstance(decision, Refused):
        return decision.reason
    if decision.record_in is None:
        return decision.by
    return f"it has no entry in the trust store yet, only its publisher is trusted: {decision.by}"


def _changes(decision: TrustDecision) -> FileChanges:
    changes = decision.changes if isinstance(decision, Refused) else None
    return changes or FileChanges()


def _details(decision: TrustDecision) -> Iterator[str]:
    yield from (f"    {line}" for line in change_lines(_changes(decision)))
    if isinstance(decision, Refused):
        for path, why in decision.ignored.items():
            yield f"    {printable(str(path))} is not used: it {printable(why)}"
    for command in _commands(decision):
        yield f"    $ {printable(command)}"


def _commands(decision: TrustDecision) -> list[str]:
    """Return the commands that review and trust the code, if trusting it would let it run."""
    try:
        if isinstance(decision, Trusted):
            return [decision.code.command("inspect"), decision.code.command("trust")]
        return [decision.review, decision.code.command("trust")] if decision.may_be_stored else []
    except (HubIoError, ConfigCoreError):  # its repository cannot be opened, as the error says
        return []
