"""`hub-io download` and `push`: whole folders from and to the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config_core.checkpoint import check_relative_name
from hub_io.command._reports import Report, reporting
from hub_io.command._screen import good, printable
from hub_io.command._sources import offline_option, revision_option
from hub_io.hub_service import HUB_SERVICE
from hub_io.repo_checkpoint import DEFAULT_BRANCH, DownloadOptions, open_repository

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["download", "push"]


@click.command(short_help="Download a repository at one commit.")
@click.argument("repo_id", metavar="OWNER/NAME")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@revision_option
@offline_option
@click.option("--overwrite", is_flag=True, help="Replace files of the same names in FOLDER.")
@reporting
def download(*, repo_id: str, folder: Path | None, revision: str | None, offline: bool, overwrite: bool) -> Report:
    """Download a repository at one commit, into the cache or into FOLDER. Nothing of it is run.

    The last line of the output is the path. That of the cache may be given to every load, but is not for changing;
    FOLDER gets copies.

    \b
    Examples:
      hub-io download owner/name
      hub-io download owner/name ./checkpoint --revision v1.2
    """  # noqa: D301 - click's sign for text that stays as it is
    if folder is not None and not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise click.UsageError(f"{str(folder)!r} is not empty. Name another folder, or pass --overwrite.")
    options = DownloadOptions(local_files_only=offline)
    repository = open_repository(repo_id, revision=revision or DEFAULT_BRANCH, options=options)
    names = sorted(repository.filenames())
    for name in names:
        check_relative_name(name, where=str(repository))
    paths = repository.local_paths(names)
    place = repository.snapshot if folder is None else _copy(paths, folder)
    values = {"repo_id": repo_id, "commit": repository.commit, "folder": str(place), "files": names}
    return Report(
        values, [f"{printable(repo_id)} at commit {repository.commit}, {len(names)} files", printable(str(place))]
    )


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("repo_id", metavar="OWNER/NAME")
@click.option("--message", metavar="TEXT", help="First line of the commit.")
@click.option(
    "--private/--public", default=None, help="Whether a new repository is private. An existing one stays as it is."
)
@click.option("--branch", metavar="NAME", help="Branch to commit to, made if need be; `main` if left out.")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of changing the branch.")
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="A tag for the model card. May be repeated.")
@reporting
def push(
    *, folder: Path, repo_id: str, message: str | None, branch: str | None, tags: tuple[str, ...], **rest: Any
) -> Report:
    """Upload a saved FOLDER to the Hub in one commit.

    The repository is made if need be, with a model card if neither side has one. Weights that an earlier push left in
    another layout are removed in the same commit; other files stay. Files in hidden folders are left out.

    \b
    Examples:
      hub-io push ./checkpoint owner/name --private
      hub-io push ./checkpoint owner/name --create-pr --message "Fix the head"
    """  # noqa: D301 - click's sign for text that stays as it is
    info = HUB_SERVICE.publish(folder, repo_id, commit_message=message, revision=branch, tags=tags, **rest)
    values = {"repo_id": info.repo_url.repo_id, "commit": info.oid, "url": info.commit_url, "pull_request": info.pr_url}
    where = info.pr_url or info.commit_url
    return Report(values, [f"{good('Pushed')} {printable(str(folder))} as commit {info.oid}", printable(where)])


def _copy(paths: Mapping[str, Path], folder: Path) -> Path:
    """Put files into a folder under their names, and return the folder."""
    for name, path in paths.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link that is there is replaced, not followed
        shutil.copyfile(path, target)
    return folder
