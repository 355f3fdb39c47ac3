"""Options that users know from transformers and that do not exist here: what they do there, and what to do here.

Each package has one table of its own. This module has the table of config_core, which covers what every load and every
push takes, and the check that all packages share. It is imported only where a name is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.errors import UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ANY",
    "CONFIG_OPTIONS",
    "HUB_OPTIONS",
    "PUSH_OPTIONS",
    "FamiliarOption",
    "did_you_mean",
    "explain",
    "is_slip",
    "sort_out",
    "without_familiar",
]

# As a no-op value: the option changes nothing, whatever its value.
ANY: Any = object()
_SHORTEST = 4  # a shorter name is another word if one letter differs


class FamiliarOption(NamedTuple):
    """An option of transformers that does not exist here.

    Attributes:
        meaning: What it does there, as the end of "In transformers, it …".
        remedy: What to do here, as a sentence.
        no_ops: The values that ask for nothing. None always does.
    """

    meaning: str
    remedy: str
    no_ops: tuple[Any, ...] = ()

    def asks_for_nothing(self, value: Any) -> bool:
        """Return whether a value of the option can be ignored."""
        return value is None or any(no_op is ANY or _same(value, no_op) for no_op in self.no_ops)


def _same(value: Any, other: Any) -> bool:
    """Return whether two values are of one type and equal, so that 1 is not True."""
    return type(value) is type(other) and bool(value == other)


_INTERNAL = FamiliarOption("passes internal state between functions", "Leave it out.", (ANY,))

HUB_OPTIONS: Mapping[str, FamiliarOption] = {
    "use_auth_token": FamiliarOption("is the earlier name of token", "Pass token= instead.", (False,)),
    "proxies": FamiliarOption(
        "sets the proxies of downloads", "Set the environment variables HTTP_PROXY and HTTPS_PROXY instead.", ({},)
    ),
    "mirror": FamiliarOption(
        "selected another server and no longer has an effect", "Set the environment variable HF_ENDPOINT instead."
    ),
    "resume_download": FamiliarOption("no longer has an effect", "Leave it out; downloads are always resumed.", (ANY,)),
    "user_agent": FamiliarOption("describes the caller to the Hub", "Leave it out.", (ANY,)),
    "_commit_hash": FamiliarOption("passes a commit between functions", "Pass revision= to load a commit."),
    "_from_auto": _INTERNAL,
    "_from_pipeline": _INTERNAL,
}
"""Options of every `from_pretrained`."""

_FIELD = "Add a config field instead, and choose the implementation in the model."
CONFIG_OPTIONS: Mapping[str, FamiliarOption] = {
    **HUB_OPTIONS,
    "gguf_file": FamiliarOption("reads the config from a GGUF file", "Convert the file to a config.json first."),
    "_configuration_file": FamiliarOption(
        "names another file than config.json", "Pass the path of the file itself.", ("config.json",)
    ),
    "attn_implementation": FamiliarOption("selects an implementation of attention", _FIELD, ("eager",)),
    "experts_implementation": FamiliarOption("selects an implementation of experts", _FIELD, ("eager",)),
}
"""Options of `from_pretrained` of configs."""

_REPOSITORY = "Pass the repository as repo_id='owner/name'."
PUSH_OPTIONS: Mapping[str, FamiliarOption] = {
    "use_auth_token": HUB_OPTIONS["use_auth_token"],
    "organization": FamiliarOption("names the owner of the repository", _REPOSITORY),
    "repo_url": FamiliarOption("names the repository by its address", _REPOSITORY),
    "repo_path_or_name": FamiliarOption("names the repository or a clone of it", _REPOSITORY),
    "use_temp_dir": FamiliarOption(
        "saves to a temporary folder before the upload", "Leave it out; it is always so.", (ANY,)
    ),
    "working_dir": FamiliarOption("is the folder that is saved to before the upload", "Leave it out."),
    "temp_dir": FamiliarOption("is the folder that is saved to before the upload", "Leave it out."),
    "blocking": FamiliarOption("returns before the upload has ended", "Call it in a thread of your own.", (True,)),
    "safe_serialization": FamiliarOption(
        "writes pickles if it is False", "Weights are always written as safetensors.", (True,)
    ),
    "max_shard_size": FamiliarOption("limits the size of weight files", "Configs have none; leave it out.", (ANY,)),
}
"""Options of `push_to_hub`, and of `save_pretrained` with `push_to_hub=True`."""


def sort_out(
    options: Mapping[str, FamiliarOption], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, FamiliarOption]]:
    """Return the keywords of a call without familiar options, and the familiar ones that ask for something.

    Args:
        options: A table of familiar options.
        given: Keywords that the call does not know.
    """
    others = {name: value for name, value in given.items() if name not in options}
    refused = {
        name: options[name]
        for name, value in given.items()
        if name in options and not options[name].asks_for_nothing(value)
    }
    return others, refused


def without_familiar(options: Mapping[str, FamiliarOption], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a call without familiar options, which may only ask for nothing.

    Args:
        options: A table of familiar options.
        given: Keywords that the call does not know.

    Raises:
        UnknownOptionError: A familiar option asks for something.
    """
    others, refused = sort_out(options, given)
    if refused:
        problem = " ".join(explain(name, given[name], option) for name, option in refused.items())
        raise UnknownOptionError(problem, names=tuple(refused))
    return others


def explain(name: str, value: Any, option: FamiliarOption) -> str:
    """Return the message of an error about a familiar option."""
    shown = "..." if "token" in name else f"{value!r:.80}"  # messages get into logs
    return f"{name}={shown} is not supported. In transformers, it {option.meaning}. {option.remedy}"


def is_slip(name: str, known: str) -> bool:
    """Return whether a name differs from a known one by one character, or by two that are swapped, and by no digit."""
    if len(known) < _SHORTEST or abs(len(name) - len(known)) > 1:
        return False
    one, other = name, known
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    is_small = max(len(one), len(other)) == 1 or (len(one) == 2 and one[::-1] == other)  # noqa: PLR2004
    return is_small and not any(map(str.isdigit, one + other))


def did_you_mean(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a sentence with the known names that are spelled like the given ones, or `""`."""
    import difflib

    candidates = sorted(set(known))
    guesses = [guess for name in names for guess in difflib.get_close_matches(name, candidates, n=1, cutoff=0.75)]
    return f"Did you mean {' or '.join(map(repr, guesses))}?" if guesses else ""
