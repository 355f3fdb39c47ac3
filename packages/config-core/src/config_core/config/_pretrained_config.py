"""`PretrainedConfig`: everything that is needed to build a model, as an object and as `config.json`."""

from __future__ import annotations

import abc
import copy
import functools
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from config_core.checkpoint import CONFIG_NAME, HubOptions, check_push, push_saved, staged_save
from config_core.code import collect_code, register_for_auto_class
from config_core.config._config_definition import check_init, define, install_aliases, public_names
from config_core.config._config_file import read_config, read_json
from config_core.config._config_json import TRUST_OPTIONS, decode_config, encode_config, jsonable
from config_core.config._config_values import count_field, listed, merged, near, overridden, real_names
from config_core.config._field_types import WrongValueError
from config_core.config._labels import (
    DEFAULT_NUM_LABELS,
    Labels,
    check_num_labels,
    label_numbers,
    read_labels,
    with_num_labels,
)
from config_core.errors import (
    ConfigDefinitionError,
    ConfigError,
    ConfigFileError,
    ConfigValidationError,
    UnknownOptionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from config_core.checkpoint import Checkpoint
    from config_core.code import CodeBundle

__all__ = ["PreTrainedConfig", "PretrainedConfig"]

# Fields of the base class that are written if someone has set them.
_BASE_DEFAULTS: dict[str, Any] = {
    "architectures": None,
    "problem_type": None,
    "output_hidden_states": False,
    "output_attentions": False,
    "return_dict": True,
    "is_encoder_decoder": False,
}
_UNSET_STATE = {**_BASE_DEFAULTS, "_dtype": None}.items()
_ALL_DEFAULTS = {**_BASE_DEFAULTS, "dtype": None, "num_labels": DEFAULT_NUM_LABELS}
_BASE_FIELDS = frozenset(_ALL_DEFAULTS)
# What a file says of the place it was in, or of the code that lay beside it, is not true of the next place.
_NOT_KEPT = frozenset({"_name_or_path", "_commit_hash", "auto_map", "model_type"})


class _ConfigType(abc.ABCMeta):
    """Gives each construction a beginning and an end that no `__init__` of a subclass can leave out.

    It is an `ABCMeta` so that config classes may be abstract.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "model_type" in kwargs:  # as in `MyConfig(**other.to_dict())`
            _check_model_type(cls, kwargs.pop("model_type"), stacklevel=3)
        config, unknown = _construct(cls, args, kwargs)
        if unknown:
            problem = f"{cls.__name__} has no field {listed(unknown)}.{near(unknown, define(cls).names)}"
            if cls._extra_fields == "forbid":  # type: ignore[attr-defined]
                raise UnknownOptionError(f"{problem} Known are {', '.join(public_names(cls))}.", names=unknown)
            warnings.warn(f"{problem} It is kept as an attribute all the same.", UserWarning, stacklevel=2)
        return config


class PretrainedConfig(metaclass=_ConfigType):
    """Base class of configs.

    A subclass sets `model_type` and has either an `__init__` that takes `**kwargs` and hands them to
    `super().__init__(**kwargs)`, or the decorator `@dataclasses.dataclass`. Its annotations are checked; its mutable
    defaults are not shared between instances. Attributes are fields: all public ones are written to `config.json`.

    `class MyConfig(PretrainedConfig, extra="forbid")` refuses unknown keywords; otherwise they become attributes, with
    a warning. Files are always read whole, so that one written by a newer version survives a round trip.

    Args:
        architectures: Names of the model classes that the config was saved with.
        dtype: Type of the weights, as a name such as `"bfloat16"` or a `torch.dtype`. Kept as a name.
        num_labels: Number of classes of a classifier. Where `attribute_map` maps it to a field, the two are one.
        id2label: Number of a class to its name. Its length is `num_labels`.
        label2id: Name of a class to its number; made from `id2label` if that is given.
        problem_type: What a classifier's loss is.
        output_hidden_states: Whether the model returns its hidden states.
        output_attentions: Whether the model returns its attention weights.
        return_dict: Whether the model returns an object with names and no tuple.
        is_encoder_decoder: Whether the model has an encoder and a decoder.
        name_or_path: Where the config came from; not written.
        **kwargs: Further fields.

    Attributes:
        model_type: Name of the kind of model, by which auto classes find the class.
        attribute_map: Other name of a field to the field: `{"hidden_size": "width"}`.
        sub_configs: Field to the config class of its value.

    Raises:
        ConfigValidationError: A field has a value of the wrong type.
        ConfigError: Two fields contradict each other.
        UnknownOptionError: A keyword is unknown and the class forbids it.
        ConfigDefinitionError: The class does not keep the contract.
    """

    model_type: ClassVar[str] = ""
    attribute_map: ClassVar[dict[str, str]] = {}
    sub_configs: ClassVar[dict[str, type[PretrainedConfig]]] = {}
    _extra_fields: ClassVar[Literal["warn", "forbid"]] = "warn"
    _labels: Labels = Labels()
    # What was given or decided at construction: a file without it could be loaded with another default of the class.
    _set_fields: frozenset[str] = frozenset()
    _num_named: int = 0

    def __init_subclass__(cls, *, extra: Literal["warn", "forbid"] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if extra not in {None, "warn", "forbid"}:
            raise ConfigDefinitionError(f"{cls.__qualname__}: extra must be 'warn' or 'forbid', got {extra!r}.")
        if extra is not None:
            cls._extra_fields = extra
        if not isinstance(cls.model_type, str):
            raise ConfigDefinitionError(f"{cls.__qualname__}.model_type must be a string, got {cls.model_type!r}.")
        check_init(cls)
        install_aliases(cls)
        for name in ("__eq__", "__repr__"):
            # `@dataclass` leaves what a class has; its own would not know of the fields of the base class.
            if name not in cls.__dict__:
                setattr(cls, name, getattr(cls, name))

    def __init__(
        self,
        *,
        architectures: list[str] | None = None,
        dtype: Any = None,
        num_labels: int | None = None,
        id2label: dict[int, str] | None = None,
        label2id: dict[str, int] | None = None,
        problem_type: Literal["regression", "single_label_classification", "multi_label_classification"] | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        return_dict: bool = True,
        is_encoder_decoder: bool = False,
        name_or_path: str = "",
        **kwargs: Any,
    ) -> None:
        self.name_or_path = name_or_path
        self.architectures = architectures
        self.dtype = dtype
        self.problem_type = problem_type
        self.output_hidden_states = output_hidden_states
        self.output_attentions = output_attentions
        self.return_dict = return_dict
        self.is_encoder_decoder = is_encoder_decoder
        self._extra: dict[str, Any] = {}
        self._unknown: tuple[str, ...] = ()
        self._take_further_fields(kwargs)
        if num_labels is not None:
            self.num_labels = num_labels
        names = read_labels(id2label, label2id)
        if names is not None:
            if num_labels is not None:
                check_num_labels(num_labels, names, count_field=count_field(type(self)), owner=type(self).__name__)
            self.id2label = names

    # Fields that are more than an attribute

    @property
    def name_or_path(self) -> str:
        """The folder or repository that the config came from, `""` if it was made by hand. Not written to files."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str | os.PathLike[str]) -> None:
        if not isinstance(value, (str, os.PathLike)):
            raise ConfigValidationError(
                f"expected a path or the name of a repository, got {value!r:.80}.",
                config_class=type(self).__name__,
                field="name_or_path",
            )
        self._name_or_path = os.fspath(value)

    @property
    def dtype(self) -> str | None:
        """Type of the weights as a name such as `"bfloat16"`, or None. A `torch.dtype` may be assigned."""
        return self._dtype

    @dtype.setter
    def dtype(self, value: Any) -> None:
        name = None if value is None else str(value).removeprefix("torch.")
        if name is not None and not (name.isidentifier() and (isinstance(value, str) or _is_torch_dtype(value))):
            raise ConfigValidationError(
                f"expected the name of a torch.dtype such as 'bfloat16', got {value!r}.",
                config_class=type(self).__name__,
                field="dtype",
            )
        self._dtype = name

    @property
    def torch_dtype(self) -> str | None:
        """The name that `dtype` had in earlier files."""
        return self.dtype

    @torch_dtype.setter
    def torch_dtype(self, value: Any) -> None:
        self.dtype = value

    @property
    def num_labels(self) -> int:
        """Number of classes of a classifier. Another number drops the names of the classes."""
        return self._labels.num_labels

    @num_labels.setter
    def num_labels(self, value: int) -> None:
        if type(value) is not int or value < 0:
            raise ConfigValidationError(
                f"expected a number of classes, got {value!r}.", config_class=type(self).__name__, field="num_labels"
            )
        self._labels = self._labels.resized(value)

    @property
    def id2label(self) -> dict[int, str]:
        """Number of a class to its name; `LABEL_0` and so on where none were given.

        A class may be given another name in place. Classes are added and removed by assigning all names at once.

        Raises:
            ConfigError: Some were added or removed in place.
        """
        self._labels = self._current_labels().named()
        return self._labels.id2label or {}

    @id2label.setter
    def id2label(self, value: Mapping[int, str] | None) -> None:
        names = read_labels(dict(value), None) if value is not None else None
        if names is not None:
            self.num_labels = len(names)
        self._labels = Labels(self._labels.num_labels if names is None else len(names), names)

    def _current_labels(self) -> Labels:
        """Return the labels, whose number may be another field that was assigned since."""
        labels = self._labels.resized(self.num_labels)
        labels.check()
        return labels

    @property
    def label2id(self) -> dict[str, int]:
        """Name of a class to its number: the reverse of `id2label`."""
        return label_numbers(self.id2label)

    @label2id.setter
    def label2id(self, value: Mapping[str, int] | None) -> None:
        self.id2label = read_labels(None, dict(value)) if value is not None else None

    # Loading

    @overload
    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
        *,
        return_unused_kwargs: Literal[False] = False,
        **options: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike[str] | Checkpoint, *, return_unused_kwargs: bool, **options: Any
    ) -> Self | tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
        *,
        return_unused_kwargs: bool = False,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        **overrides: Any,
    ) -> Self | tuple[Self, dict[str, Any]]:
        """Load a config.

        Args:
            source: A folder, a JSON file, a repository `owner/name`, or a checkpoint that is already open.
            return_unused_kwargs: Return keywords that are no fields instead of refusing them.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint.
            token: Access token for the hub; True for the stored one, False for none.
            cache_dir: Where downloads are kept.
            local_files_only: Use what has been downloaded before and no network.
            force_download: Download again what is already there.
            **overrides: Fields whose values replace those of the file.

        Returns:
            The config; with `return_unused_kwargs`, the pair `(config, unused)`.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            ConfigFileError: The file is not a JSON object; the error has path and line.
            ConfigError: A value in it is wrong, or it holds a key that data may not set.
            UnknownOptionError: A keyword is neither a field nor an option.
        """
        for name in sorted(TRUST_OPTIONS & overrides.keys()):
            if overrides.pop(name):
                warnings.warn(
                    f"{name} has no effect on {cls.__name__}.from_pretrained, which runs no code of the checkpoint: it "
                    "is an option of the Auto classes.",
                    UserWarning,
                    stacklevel=2,
                )
        options = HubOptions(
            revision=revision,
            subfolder=subfolder,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        file = read_config(source, options)
        try:
            config, unused = cls._from_values(file.take(), overrides, keep_unused=return_unused_kwargs)
        except ConfigError as error:
            # Whoever made the object knows no file; whoever reads the error needs it.
            if not isinstance(error, (ConfigFileError, UnknownOptionError)):
                error.args = (f"{file.path}: {error}",)
            raise
        except (TypeError, ValueError) as error:  # raised by the `__init__` of a subclass
            error.add_note(f"This is what {file.path} says.")
            raise
        config.name_or_path = file.name
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def get_config_dict(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
        *,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        **unused: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a config file says, as it stands, and the keywords that are no options.

        Args and errors are those of `from_pretrained`.
        """
        options = HubOptions(
            revision=revision,
            subfolder=subfolder,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        return read_config(source, options).take(), unused

    @overload
    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, return_unused_kwargs: Literal[False] = False, **overrides: Any
    ) -> Self: ...

    @overload
    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, return_unused_kwargs: bool, **overrides: Any
    ) -> Self | tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, return_unused_kwargs: bool = False, **overrides: Any
    ) -> Self | tuple[Self, dict[str, Any]]:
        """Make a config of a dict such as `to_dict` returns. The two share nothing.

        Args:
            values: Fields. Unknown ones are kept, as in a file.
            return_unused_kwargs: Return keywords that are no fields instead of refusing them.
            **overrides: Fields whose values replace those of `values`.

        Returns:
            The config; with `return_unused_kwargs`, the pair `(config, unused)`.

        Raises:
            ConfigError: A value is wrong, or a key is one that data may not set.
            UnknownOptionError: A keyword is neither a field nor in `values`.
        """
        config, unused = cls._from_values(copy.deepcopy(dict(values)), overrides, keep_unused=return_unused_kwargs)
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def from_json_file(cls, path: str | os.PathLike[str]) -> Self:
        """Load a config from a JSON file of any name.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigFileError: It is not a JSON object.
        """
        config, _ = cls._from_values(read_json(Path(path).expanduser()), {}, keep_unused=False)
        return config

    # Saving

    def to_dict(self) -> dict[str, Any]:
        """Return all fields of the class, and those of the base class that are set, as JSON's types.

        Numbers that JSON has no word for (infinities, NaN) stay floats. The result shares nothing with the config.

        Raises:
            ConfigError: A value has no form in JSON.
        """
        plain: dict[str, Any] = jsonable(self._fields())
        return plain

    def _fields(self, *, with_unset: bool = False) -> dict[str, Any]:
        """Return the fields of a file; with those of the base class that nobody has set, to compare configs."""
        cls, definition = type(self), define(type(self))
        left_out = set() if with_unset else _BASE_FIELDS - definition.own - self._set_fields
        fields: dict[str, Any] = {
            name: value
            for name, value in vars(self).items()
            if not (name.startswith("_") or _is_calculated(cls, name))
            and (name not in left_out or value != _BASE_DEFAULTS[name])
        }
        fields |= {name: getattr(self, name) for name in definition.properties}
        fields |= self._extra
        fields["model_type"] = cls.model_type or self.model_type
        if self.dtype is not None or "dtype" not in left_out:
            fields["dtype"] = self.dtype
        labels = self._current_labels()
        if labels.id2label is None and self._num_named == labels.num_labels != 0:
            labels = labels.named()  # a file without names would be loaded with those of the class
        names = labels.id2label
        if names and (labels.has_own_names() or (self._num_named and not with_unset)):
            fields.update(id2label=names, label2id=label_numbers(names))
        elif "num_labels" not in definition.aliases and (
            labels.num_labels != DEFAULT_NUM_LABELS or "num_labels" not in left_out
        ):
            fields["num_labels"] = labels.num_labels
        return fields

    def to_diff_dict(self) -> dict[str, Any]:
        """Return the fields that differ from those of a config made without arguments, and `model_type`.

        All fields, if the class cannot be made without arguments.
        """
        try:
            defaults = _ALL_DEFAULTS | type(self)().to_dict()
        except (TypeError, ValueError):
            return self.to_dict()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name == "model_type" or name not in defaults or defaults[name] != value
        }

    def to_json_string(self, *, use_diff: bool = False) -> str:
        """Return the text of `config.json`: sorted keys, two spaces, ASCII.

        Args:
            use_diff: Only the fields of `to_diff_dict`.
        """
        return encode_config(self.to_diff_dict() if use_diff else self.to_dict())

    def to_json_file(self, path: str | os.PathLike[str], *, use_diff: bool = False) -> None:
        """Write the text of `to_json_string` to a file, which is replaced in one step."""
        target = Path(path)
        text = _text(type(self), self.to_diff_dict() if use_diff else self.to_dict())
        with staged_save(target.parent) as staging:
            (staging / target.name).write_text(text, encoding="utf-8")

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **options: Any,
    ) -> None:
        """Write `config.json`, and the source files of the class if it was registered for an auto class.

        Args:
            save_directory: Folder, made if missing. Its other files stay.
            push_to_hub: Upload to a hub as well.
            repo_id: Repository for that; the name of the folder under the token's account if None.
            **options: Options of `push_to_hub`.

        Raises:
            SaveError: The folder cannot be written; what was there is unchanged.
            ConfigError: A value is wrong, has no form in JSON, or could not be loaded again; nothing is written.
            SourceCodeError: The class was registered and its source cannot be had; nothing is written.
        """
        if options and not push_to_hub:
            raise UnknownOptionError(
                f"save_pretrained has no option {listed(options)} without push_to_hub=True.", names=tuple(options)
            )
        if push_to_hub:
            check_push(options)
        self.validate()
        code = collect_code(type(self), type(self))
        with staged_save(save_directory) as staging:
            self.write_to(staging, code=code)
        if push_to_hub:
            self.push_to_hub(repo_id or Path(save_directory).resolve().name, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> Any:
        """Save into a temporary folder and upload that to a hub in one commit.

        Args:
            repo_id: Repository as `owner/name`, or `name` for the token's own account; made if missing.
            **options: `commit_message`, `commit_description`, `private`, `token`, `revision`, `create_pr`, `tags`.

        Returns:
            What the hub answers: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

        Raises:
            MissingServiceError: `pretrained-hub-io` is not installed.
        """
        return push_saved(self.save_pretrained, repo_id, **options)

    def write_to(
        self,
        folder: Path,
        *,
        architectures: list[str] | None = None,
        dtype: str | None = None,
        code: CodeBundle | None = None,
    ) -> None:
        """Write `config.json` and code into a folder, for a save that has more to write. The config is not changed.

        Args:
            folder: An existing folder.
            architectures: Written in place of the config's own.
            dtype: Written in place of the config's own.
            code: Source files to write beside it, and their classes for `auto_map`.
        """
        values = self.to_dict()
        if architectures is not None:
            values["architectures"] = architectures
        if dtype is not None:
            values["dtype"] = dtype
        if code is not None:
            values["auto_map"] = {**values.get("auto_map", {}), **code.auto_map}
            for name, content in code.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
        (folder / CONFIG_NAME).write_text(_text(type(self), values), encoding="utf-8")

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoConfig") -> None:
        """Let saves write the source files of this class, for an auto class to load.

        Raises:
            AutoClassNameError: It is not `AutoConfig`.
        """
        register_for_auto_class(cls, auto_class)

    # As an object

    def update(self, values: Mapping[str, Any]) -> None:
        """Assign several fields: all of them, or none if one is wrong. A dict for a config changes fields of that.

        Raises:
            UnknownOptionError: The config has no such field.
            ConfigError: A value is wrong, or two of them contradict each other.
        """
        cls, definition = type(self), define(type(self))
        unknown = tuple(
            name
            for name in values
            if name.startswith("_") or not (name in definition.names or hasattr(self, name)) or _is_machinery(cls, name)
        )
        if unknown:
            raise UnknownOptionError(
                f"{cls.__name__} has no field {listed(unknown)}.{near(unknown, public_names(cls))}",
                names=unknown,
            )
        before = dict(vars(self))
        try:
            fields = _with_num_labels(cls, real_names(cls, values))
            for name in definition.parts.keys() & fields.keys():
                fields[name] = merged(cls, name, getattr(self, name, None), fields[name])
            for name, value in (fields | _restored(cls, fields)).items():
                setattr(self, name, value)
            _make_sub_configs(self)
            self.validate()
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    def validate(self) -> None:
        """Check every annotated field. Called after construction, by `update` and before a save.

        A subclass may add to it.

        Raises:
            ConfigValidationError: A field has a value of the wrong type.
            ConfigError: Names of classes were added or removed in place.
        """
        if self._labels.id2label is not None:
            self._current_labels()
        for name, restored in _restored(type(self), vars(self)).items():
            setattr(self, name, restored)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, PretrainedConfig):
            return NotImplemented
        try:
            mine, theirs = jsonable(self._fields(with_unset=True)), jsonable(other._fields(with_unset=True))
            return bool(mine == theirs) or encode_config(mine) == encode_config(theirs)  # NaN is not equal to itself
        except ConfigError:  # values that JSON has no form for can still be compared
            return vars(self) == vars(other)

    # Configs change, and equal ones would have to share a hash.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__} {self.to_json_string().rstrip()}"
        except (AttributeError, ConfigError):  # half made, or with values that JSON has no form for
            return f"{type(self).__name__} {vars(self)!r}"

    def __iter__(self) -> Iterator[str]:
        """Give the names of the fields that `to_dict` returns."""
        return iter(self.to_dict())

    # Construction

    def _note_set_fields(self, given: Mapping[str, Any]) -> None:
        """Note which fields of the base class were given, or set by the class."""
        state = vars(self)
        if "_labels" not in state and _BASE_FIELDS.isdisjoint(given) and state.items() >= _UNSET_STATE:
            return  # nothing was set, as mostly
        values = state | {"dtype": self.dtype, "num_labels": self._labels.num_labels}
        self._set_fields = frozenset(
            name for name, default in _ALL_DEFAULTS.items() if name in given or values.get(name, default) != default
        )
        self._num_named = len(self._labels.id2label or ())

    def _take_further_fields(self, values: dict[str, Any]) -> None:
        """Keep keywords that no `__init__` took."""
        known = define(type(self)).names
        unknown: list[str] = []
        for name, value in values.items():
            if name in TRUST_OPTIONS:
                raise ConfigError(
                    f"{name!r} is no field of a config: who may run code is said by the caller of from_pretrained, "
                    "never by data."
                )
            if name.startswith("_"):
                self._extra[name] = value
                continue
            if _is_machinery(type(self), name):
                raise ConfigError(f"{name!r} is a method or setting of {type(self).__name__} and cannot be a field.")
            if name not in known and name not in vars(self):
                unknown.append(name)
            setattr(self, name, value)
        self._unknown = tuple(unknown)

    @classmethod
    def _from_values(
        cls, values: Mapping[str, Any], overrides: dict[str, Any], *, keep_unused: bool
    ) -> tuple[Self, dict[str, Any]]:
        """Make a config of what a file says and of overrides; return it with the keywords that are no fields."""
        fields = real_names(cls, {name: value for name, value in values.items() if name not in _NOT_KEPT})
        given = real_names(cls, overrides)
        if "self" in fields:
            raise ConfigError("'self' cannot be the name of a field.")
        known = define(cls).names | fields.keys()
        unused = {name: value for name, value in given.items() if name not in known}
        if unused and not keep_unused:
            raise UnknownOptionError(
                f"{listed(unused)} is neither a field of {cls.__name__} nor an option of this call."
                f"{near(unused, known)}",
                names=tuple(unused),
            )
        model_type = values.get("model_type", cls.model_type)
        _check_model_type(cls, model_type, stacklevel=4)
        for name in unused:
            del given[name]
        fields = overridden(cls, fields, given)
        if missing := define(cls).required - fields.keys():
            raise ConfigError(f"{cls.__name__} needs {listed(sorted(missing))}, and no value is given.")
        config, _ = _construct(cls, (), fields)
        if not cls.model_type and model_type:
            config.model_type = model_type  # a class for configs of any type keeps what the file says
        return config, unused


PreTrainedConfig = PretrainedConfig


def _construct(cls: type[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """Make a config and check it; return it with the keywords that the class does not know."""
    definition = define(cls)
    if args:
        by_position = dict(zip(definition.positional, args, strict=False))
        if len(by_position) == len(args) and by_position.keys().isdisjoint(kwargs):
            args, kwargs = (), {**by_position, **kwargs}  # else Python's own error is the best
    fields = _with_num_labels(cls, real_names(cls, kwargs))
    # What JSON has no word for is restored before `__init__` or `__post_init__` sees it.
    fields |= _restored(cls, fields)
    for name in cls.sub_configs.keys() & fields.keys():
        if isinstance(fields[name], dict):
            fields[name] = cls.sub_configs[name].from_dict(fields[name])
    config = type.__call__(cls, *args, **fields)
    if "_extra" not in vars(config):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ does not call super().__init__(**kwargs). Add it as its last line."
        )
    for name in definition.required:
        if not hasattr(config, name):
            raise ConfigDefinitionError(
                f"{cls.__qualname__}.__init__ takes {name!r} and keeps no attribute of that name, so that a saved "
                f"config could not be loaded. Add self.{name} = {name}, or give it a default."
            )
    defaults = {id(default) for default in definition.mutable_defaults.values()}
    for name, value in vars(config).items() if defaults else ():
        if id(value) in defaults:
            vars(config)[name] = copy.deepcopy(value)
    _make_sub_configs(config)
    config.validate()
    config._note_set_fields(fields)  # noqa: SLF001 - the rest of this module is the class
    return config, config.__dict__.pop("_unknown")


def _with_num_labels(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    return with_num_labels(values, count_field=count_field(cls), owner=cls.__name__)


def _restored(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against the annotations of their fields; return those that JSON had changed, as they were.

    Raises:
        ConfigValidationError: A value does not fit.
    """
    restored: dict[str, Any] = {}
    for name, check in define(cls).checks.items():
        if name in fields:
            value = fields[name]
            try:
                checked = check(value)
            except WrongValueError as problem:
                raise ConfigValidationError(
                    f"{problem.problem}.", config_class=cls.__name__, field=f"{name}{problem.path}"
                ) from None
            if checked is not value:
                restored[name] = checked
    return restored


def _check_model_type(cls: type[Any], model_type: Any, *, stacklevel: int) -> None:
    """Warn of values that were written by a config of another kind."""
    if cls.model_type and model_type and model_type != cls.model_type:
        warnings.warn(
            f"The config is of model_type {model_type!r}, and {cls.__name__} is for {cls.model_type!r}.",
            UserWarning,
            stacklevel=stacklevel,
        )


def _make_sub_configs(config: Any) -> None:
    for name, sub_class in type(config).sub_configs.items():
        value = getattr(config, name, None)
        if value is None:
            setattr(config, name, sub_class())
        elif isinstance(value, dict):
            setattr(config, name, sub_class.from_dict(value))
        elif not isinstance(value, PretrainedConfig):
            raise ConfigValidationError(
                f"expected a {sub_class.__name__} or a dict, got {value!r:.80}.",
                config_class=type(config).__name__,
                field=name,
            )


def _is_machinery(cls: type[Any], name: str) -> bool:
    """Tell whether an instance attribute of this name would hide a method, a property or a setting of the class."""
    if name in {"attribute_map", "sub_configs", "model_type"}:
        return True
    found = getattr(cls, name, None)
    return callable(found) or (isinstance(found, property) and found.fset is None) or _is_calculated(cls, name)


def _is_calculated(cls: type[Any], name: str) -> bool:
    """Tell whether an attribute is one that `functools.cached_property` has left."""
    return isinstance(getattr(cls, name, None), functools.cached_property)


def _text(cls: type[Any], values: dict[str, Any]) -> str:
    """Return the text of a file, checked as a load would check it.

    Raises:
        ConfigError: A value has no form in JSON, or one that does not fit.
    """
    text = encode_config(values)
    try:
        _restored(cls, _with_num_labels(cls, decode_config(text.encode(), path=Path(CONFIG_NAME))))
    except ConfigValidationError as error:
        error.args = (f"{error} This is what a file would say of it, which could not be loaded again.",)
        raise
    return text


def _is_torch_dtype(value: Any) -> bool:
    # By name: nothing here may import torch.
    return type(value).__module__ == "torch" and type(value).__name__ == "dtype"
