"""Options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["of_source", "offline_option", "revision_option"]


def revision_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--revision`."""
    text = "Branch, tag or commit of a repository; `main` if left out."
    return click.option("--revision", metavar="REV", help=text)(function)


def offline_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--offline`."""
    return click.option("--offline", is_flag=True, help="Use what was downloaded before, and no network.")(function)


def of_source(function: Callable[..., None]) -> Callable[..., None]:
    """Add the argument SOURCE and the options that say which version of it is meant."""
    for option in (
        offline_option,
        click.option(
            "--code-revision", metavar="REV", help="The same for code that lies in another repository than the config."
        ),
        click.option("--subfolder", default="", metavar="DIR", help="Folder inside the source that holds config.json."),
        revision_option,
        click.argument("source"),
    ):
        function = option(function)
    return function
