"""What the programs `release` and `prove` have in common: they are run in a checkout, and say what is wrong."""

from __future__ import annotations

import click

from release_tools.workspace import UnknownPackageError

__all__ = ["Program"]


class Program(click.Command):
    """Shows what goes wrong as a message, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run what was asked for."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):  # RuntimeErrors and an OSError, too
            raise
        except UnknownPackageError as error:
            raise click.UsageError(str(error), ctx) from error
        except (ValueError, RuntimeError, OSError) as error:
            raise click.ClickException(str(error)) from error
