"""transformers options that the Auto classes do not have, and mistyped options.

The table is that of config_core for every load. Everything else is passed on, and explained by the class that gets it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["drop_hub_options", "explain_spelling"]

_OWN_OPTIONS = ("trust_remote_code", "code_revision", "registry")


def drop_hub_options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a load without transformers options for the Hub that ask for nothing.

    This comes before the checkpoint is opened: a private repository is not found without the token.

    Raises:
        UnknownOptionError: An option asks for something.
    """
    if not kwargs:
        return {}
    from config_core.familiar_options import HUB_OPTIONS, without_familiar

    return without_familiar(HUB_OPTIONS, kwargs)


@contextmanager
def explain_spelling(names: Iterable[str]) -> Iterator[None]:
    """Add a note to an error in the block if keywords of the load are spelled like options, such as `revison`.

    What they were to change did not happen, which may be the reason for the error.
    """
    try:
        yield
    except Exception as error:
        from config_core.checkpoint import HubOptions
        from config_core.familiar_options import did_you_mean

        for name in names:
            if hint := did_you_mean([name], [*HubOptions._fields, *_OWN_OPTIONS]):
                error.add_note(f"{name!r} is no option of from_pretrained. {hint}")
        raise
