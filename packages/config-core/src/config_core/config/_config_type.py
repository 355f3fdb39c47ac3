"""The metaclass of configs."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, dataclass_transform

from config_core.config._base_fields import ORIGINAL
from config_core.config._checked_values import FieldsOfFile, UnknownFields, given_beside_file, resolve_aliases, speaker
from config_core.config._config_definition import definition_of
from config_core.config._config_json import NOTE_KEY
from config_core.config._construction import check_complete, construct, upgraded, warn_of_other_model_type
from config_core.config._problems import AUTHOR_ERRORS

if TYPE_CHECKING:
    from dataclasses import field as _field
else:
    _field = None  # what it is matters to type checkers only, and importing it is slow

__all__ = ["ConfigType"]


# With it, type checkers know the keywords of a config from the annotations in its body.
@dataclass_transform(kw_only_default=True, field_specifiers=(_field,))
class ConfigType(abc.ABCMeta):
    """Metaclass of configs: runs steps before and after every `__init__`, which no subclass can leave out.

    It is an `ABCMeta` so that config classes may be abstract.
    """

    def _make(cls, /, *args: Any, **kwargs: Any) -> Any:
        if ORIGINAL in kwargs:  # from `dataclasses.replace`
            from config_core.config._overrides import replaced

            return replaced(kwargs.pop(ORIGINAL), kwargs)
        if NOTE_KEY in kwargs:
            from config_core.config._overrides import make_with_note

            return make_with_note(cls, args, kwargs)
        meant = given_beside_file(kwargs)
        if type(speaker.unknown) is FieldsOfFile:  # a part that `__init__` makes of a file's values
            kwargs = upgraded(cls, kwargs)
        if "model_type" in kwargs:  # as in `MyConfig(**other.to_dict())`
            warn_of_other_model_type(cls, kwargs.pop("model_type"))
        outer = speaker.unknown
        if outer is None:
            speaker.unknown = found = UnknownFields()
            try:
                config = construct(cls, args, kwargs)
            finally:
                speaker.unknown = None
            if found:
                from config_core.config._unknown_names import report_unknown

                report_unknown(found, config)
            return config
        try:
            if not args and not definition_of(cls).required <= kwargs.keys():
                check_complete(cls, resolve_aliases(cls, kwargs))  # of a dict, which Python's own error says nothing of
            return construct(cls, args, kwargs, meant=meant)
        except AUTHOR_ERRORS as error:
            vars(error)["_given"] = kwargs  # for the config of which this is a part
            raise

    @property
    def __signature__(cls) -> Any:
        """What `inspect.signature` returns for a config class."""
        from config_core.config._signature import signature_of

        return signature_of(cls)

    if not TYPE_CHECKING:
        __call__ = _make  # type checkers take the types of a call from `__init__`
