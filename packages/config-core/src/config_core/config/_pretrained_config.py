"""`PretrainedConfig`: everything that is needed to build a model, as an object and as `config.json`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, Unpack, overload

import config_core.code
from config_core.checkpoint import (
    CONFIG_NAME,
    Checkpoint,
    HubOptions,
    PushedCommit,
    PushOptions,
    check_save_options,
    expand_home,
    push_saved,
)
from config_core.config._base_fields import Labels, check_num_labels, labels_of, read_labels
from config_core.config._checked_values import (
    FieldsOfFile,
    check_and_restore,
    check_mapping,
    has_own,
    is_reserved,
    is_settable,
    num_labels_field,
    of_file,
)
from config_core.config._config_definition import definition_of
from config_core.config._config_json import (
    NOT_KEPT,
    NOTE_KEY,
    TRUST_OPTIONS,
    WRITTEN_BY_ALL,
    ConfigFile,
    encode_config,
    has_note,
    jsonable,
    plain_value,
    read_config,
)
from config_core.config._config_type import ConfigType
from config_core.config._construction import with_wrong_values
from config_core.config._problems import AUTHOR_ERRORS, made_config, shown, validate_config
from config_core.config._value_types import copied
from config_core.config._written_fields import BASE_DEFAULTS, note_complete, written_fields
from config_core.errors import ConfigError, UnknownOptionError

__all__ = ["PreTrainedConfig", "PretrainedConfig", "config_class_named", "drop_trust_options", "has_written_init"]

if TYPE_CHECKING:

    class _ComputedFields:
        # As properties, a subclass could not give them other defaults: `PretrainedConfig` declares them as attributes.
        @property
        def torch_dtype(self) -> Any: ...
        @torch_dtype.setter
        def torch_dtype(self, value: Any) -> None: ...

else:
    from config_core.config._base_fields import ComputedFields as _ComputedFields

_ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]


class _CommitHash:
    """The attribute `commit_hash`. Unlike a property, it gives way to a field of this name that a class has."""

    def __get__(self, config: Any, owner: type[Any]) -> str | None:
        return None if config is None else vars(config).get("_commit_hash")


class _CodeOrigin:
    """The attribute `code_origin`, which gives way to a field in the same way."""

    def __get__(self, config: Any, owner: type[Any]) -> config_core.code.CodeOrigin | None:
        return config_core.code.code_origin_of(owner)


class _UseReturnDict:
    """The attribute `use_return_dict`, which gives way to a field in the same way."""

    def __get__(self, config: Any, owner: type[Any]) -> bool:
        return config is None or bool(config.return_dict)


class PretrainedConfig(_ComputedFields, metaclass=ConfigType):
    """Base class of configs.

    A subclass sets `model_type` and declares its fields: in an `__init__` that takes `**kwargs` and passes them to
    `super().__init__(**kwargs)`, or as annotations in the class body, with or without `@dataclasses.dataclass`.
    Annotations are checked, and instances do not share mutable defaults. All public attributes are fields, and are
    written to `config.json`.

    `class MyConfig(PretrainedConfig, extra="forbid")` refuses unknown keywords. Otherwise they become attributes, with
    a warning. Unknown keys of a file are always kept, so that a file of a newer version survives a round trip; one that
    looks like a misspelt field, which the file lacks, is a warning. Plain dataclasses and TypedDicts, which cannot keep
    them, refuse them in files too.

    Args:
        architectures: Names of the model classes that the config was saved with.
        dtype: Type of the weights, as a name such as `"bfloat16"` or a `torch.dtype`. Kept as a name.
        num_labels: Number of classes of a classifier. Where `attribute_map` maps it to a field, the two are one value.
        id2label: Number of each class to its name. Its length is `num_labels`.
        label2id: Name of each class to its number. Derived from `id2label` if that is given.
        problem_type: Which loss a classifier is trained with.
        output_hidden_states: Whether the model returns its hidden states.
        output_attentions: Whether the model returns its attention weights.
        return_dict: Whether the model returns an object with named outputs instead of a tuple.
        is_encoder_decoder: Whether the model has an encoder and a decoder.
        name_or_path: Where the config came from. Not written to files.
        **kwargs: Further fields.

    Attributes:
        code_origin: Where the code of the class came from and what let it run, if it came with a checkpoint; else None.
        commit_hash: The commit of the repository that the config was loaded from, or None. Not written to files.
        model_type: Name of the kind of model, by which auto classes find the class.
        attribute_map: Alias of a field to the field: `{"hidden_size": "width"}`.
        sub_configs: Field to the config class of its value.
        foreign_readers: Library to what reads its config files instead, for the error about such a file:
            `{"timm": "resnet.from_timm"}`. The libraries are timm, diffusers, peft, open_clip, sentence-transformers
            and keras.
        use_return_dict: `return_dict`, under the name that models written for transformers read. Not written to files.

    Raises:
        ConfigValidationError: A field has a value of the wrong type.
        ConfigError: Two fields contradict each other.
        UnknownOptionError: A keyword is unknown and the class forbids it.
        ConfigDefinitionError: The class does not meet the contract of subclasses.
    """

    model_type: ClassVar[str] = ""
    attribute_map: ClassVar[dict[str, str]] = {}
    sub_configs: ClassVar[dict[str, type[PretrainedConfig]]] = {}
    foreign_readers: ClassVar[dict[str, str]] = {}
    _extra_fields: ClassVar[Literal["warn", "keep", "forbid"]] = "warn"
    _checks_values: ClassVar[bool] = True  # against annotations

    if TYPE_CHECKING:
        # The fields of every config, as keywords of the `__init__` that type checkers make for a class without one. A
        # subclass may give them other defaults, which checkers would not allow for properties.
        architectures: list[str] | None = None
        dtype: Any = None
        num_labels: int = 2
        id2label: dict[int, str] = {}
        label2id: dict[str, int] = {}
        problem_type: _ProblemType | None = None
        output_hidden_states: bool = False
        output_attentions: bool = False
        return_dict: bool = True
        is_encoder_decoder: bool = False
        name_or_path: str = ""

    _labels = Labels()
    _commit_hash = None  # the name that transformers has for it, and that other libraries read
    commit_hash = _CommitHash()
    code_origin = _CodeOrigin()
    use_return_dict = _UseReturnDict()

    def __init_subclass__(cls, *, extra: Literal["warn", "forbid"] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What looks at subclasses is not needed to import the package.
        from config_core.config._class_contract import set_up

        set_up(cls, PretrainedConfig, extra)

    def __init__(
        self,
        *,
        architectures: list[str] | None = None,
        dtype: Any = None,
        num_labels: int | None = None,
        id2label: dict[int, str] | None = None,
        label2id: dict[str, int] | None = None,
        problem_type: _ProblemType | None = None,
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
        self._keep_further_fields(kwargs)
        if num_labels is not None:
            self.num_labels = num_labels
        names, chosen = read_labels(id2label, label2id)
        if names is not None:
            if num_labels is not None:
                cls = type(self)
                check_num_labels(num_labels, names, count_field=num_labels_field(cls), owner=cls.__name__)
            self.id2label = names
            if id2label is not None and label2id is not None:
                self._labels = self._labels._replace(chosen=chosen)

    def __post_init__(self, **kwargs: Any) -> None:
        """Keep the keywords that a subclass's `__post_init__` reads from its `**kwargs`, and passes on."""
        for name, value in kwargs.items():
            setattr(self, name, value)

    def _keep_further_fields(self, values: dict[str, Any]) -> None:
        """Keep the keywords that no `__init__` took."""
        definition = definition_of(type(self))
        unknown: list[str] = []
        for name, default in definition.further_defaults.items():
            if name not in values and name not in vars(self):
                setattr(self, name, copied(default))
        for name, value in values.items():
            if name in TRUST_OPTIONS:
                raise ConfigError(f"{name!r} is not allowed in a config; pass it to from_pretrained()")
            if name in NOT_KEPT and name not in definition.names:  # as in `MyConfig(**json.load(file))`
                continue
            if name.startswith("_"):
                self._extra[name] = value
                continue
            if is_reserved(type(self), name):
                raise ConfigError(f"{name!r} is a method or setting of {type(self).__name__} and cannot be a field.")
            if name in vars(self):
                self._keep_replaced(name)
            elif not (name in definition.names or name in WRITTEN_BY_ALL or is_settable(type(self), name)):
                unknown.append(name)
            setattr(self, name, value)
        self._unknown = tuple(unknown)

    def _keep_replaced(self, name: str) -> None:
        """Keep what `__init__` has computed for a field that it does not take, but that was given."""
        if name not in definition_of(type(self)).defaults:
            vars(self).setdefault("_replaced", {})[name] = vars(self)[name]

    # Loading

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint,
        *,
        return_unused_kwargs: Literal[False] = False,
        **options: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint,
        *,
        return_unused_kwargs: Literal[True],
        **options: Any,
    ) -> tuple[Self, dict[str, Any]]: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint,
        *,
        return_unused_kwargs: bool,
        **options: Any,
    ) -> Self | tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint,
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
            pretrained_model_name_or_path: A folder, a JSON file, a repository `owner/name`, or a checkpoint that is
                already open.
            return_unused_kwargs: Return keywords that are not fields instead of refusing them.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint.
            token: Access token for the hub; True for the stored one, False for none.
            cache_dir: Where downloads are kept.
            local_files_only: Use only what was downloaded before, and no network.
            force_download: Download again what is already there.
            **overrides: Fields whose values replace those of the file. A dict for a config or a dataclass changes the
                fields that it names.

        Returns:
            The config; with `return_unused_kwargs`, the pair `(config, unused)`.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            ConfigFileError: The file is not a JSON object; the error has path and line.
            ForeignConfigError: The file is not one of this class.
            ConfigError: A value in it is wrong, or it has a key that is not allowed.
            UnknownOptionError: A keyword is neither a field nor an option.
        """
        drop_trust_options(cls, overrides)
        if overrides and not return_unused_kwargs:
            overrides = _without_familiar_options(cls, overrides)
        options = HubOptions(revision, subfolder, token, cache_dir, local_files_only, force_download)
        file = read_config(pretrained_model_name_or_path, options)
        try:
            values = file.take()
            if has_own(cls, "get_config_dict"):
                same_file = options._replace(revision=file.commit or revision)._asdict()
                values, others = cls.get_config_dict(pretrained_model_name_or_path, **same_file, **overrides)
                # One that opens the file itself returns the options of the hub, too.
                overrides = {name: value for name, value in others.items() if name not in same_file}
            config, unused = _config_of_file(cls, values, overrides, keep_unused=return_unused_kwargs, path=file.path)
        except Exception as error:
            _explain(error, cls, file, overrides)
            raise
        config.name_or_path = file.name
        if file.commit is not None:
            vars(config)["_commit_hash"] = file.commit
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint, **options: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values in a config file as they are, before the class reads them.

        Args:
            pretrained_model_name_or_path: As for `from_pretrained`.
            **options: Options of `from_pretrained`, such as `revision`, and any other keywords.

        Returns:
            The pair of the values and the keywords that are not options.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            ConfigFileError: The file is not a JSON object, or has a key that is not allowed.
        """
        hub = {name: options.pop(name) for name in HubOptions._fields if name in options}
        return read_config(pretrained_model_name_or_path, HubOptions(**hub)).take(), options

    @overload
    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: Literal[False] = False,
        extra: Literal["keep", "warn", "forbid"] = "keep",
        **overrides: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: Literal[True],
        extra: Literal["keep", "warn", "forbid"] = "keep",
        **overrides: Any,
    ) -> tuple[Self, dict[str, Any]]: ...

    @overload
    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: bool,
        extra: Literal["keep", "warn", "forbid"] = "keep",
        **overrides: Any,
    ) -> Self | tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: bool = False,
        extra: Literal["keep", "warn", "forbid"] = "keep",
        **overrides: Any,
    ) -> Self | tuple[Self, dict[str, Any]]:
        """Return a config from a dict such as `to_dict` returns. The two share no mutable values.

        A subclass may override it: every load of a file, and of a part in one, calls it.

        Args:
            config_dict: Fields. Unknown ones are kept, as those of a file are.
            return_unused_kwargs: Return keywords that are not fields instead of refusing them.
            extra: What to do with names in `config_dict`, at any depth, that the classes do not know: keep them, warn
                of them as well, or forbid them. For values that people write, such as those of a YAML file.
            **overrides: Fields whose values replace those of `config_dict`. A dict for a config or a dataclass changes
                the fields that it names.

        Returns:
            The config; with `return_unused_kwargs`, the pair `(config, unused)`.

        Raises:
            ConfigError: A value is wrong, a key is not allowed, or `config_dict` is no dict with text as keys.
            UnknownOptionError: A keyword is neither a field nor in `config_dict`.
        """
        if extra not in {"keep", "warn", "forbid"}:
            raise UnknownOptionError(
                f"extra must be 'keep', 'warn' or 'forbid', got {extra!r:.80}. "
                "To set a field of that name, put it in the dict.",
                names=("extra",),
            )
        from config_core.config._overrides import make_config

        check_mapping(config_dict, f"{cls.__name__}.from_dict")
        config, unused = make_config(
            cls, copied(dict(config_dict)), overrides, keep_unused=return_unused_kwargs, extra=extra
        )
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def upgrade(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a file of any version of the class as those of the present one.

        A subclass overrides it to read its old files. It is called with every file and every dict that a config is
        made of, parts of other configs and files of the present version included, before anything is checked. It may
        change its argument. Keywords of a call are not passed to it.

        Args:
            values: All that the file has, `model_type` included.

        Returns:
            The values to use.
        """
        return values

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Load a config from a JSON file of any name.

        Args:
            json_file: The file; `~` is expanded.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigFileError: It is not a JSON object.
            ForeignConfigError: The file is not one of this class.
            ConfigError: A value in it is wrong, or it has a key that is not allowed.
        """
        config: Self
        file = ConfigFile(expand_home(json_file), name="")
        try:
            config, _ = _config_of_file(cls, file.take(), {}, keep_unused=False, path=file.path)
        except Exception as error:
            _explain(error, cls, file, {})
            raise
        return config

    # Saving

    def to_dict(self) -> dict[str, Any]:
        """Return all fields of the class, and those of the base class that are set, as JSON's types.

        Infinities and NaN stay floats. The result shares no mutable values with the config.

        Raises:
            ConfigError: A value cannot be written to JSON.
        """
        note_complete(self)
        fields = written_fields(self)
        plain: dict[str, Any] = jsonable(fields, owner=type(self).__name__)
        if not has_note(self):
            return plain
        from config_core.config._recomputing import with_note

        return with_note(self, fields, plain)

    def to_diff_dict(self) -> dict[str, Any]:
        """Return `model_type` and the fields that differ from those of a config that is made without arguments.

        All fields, if the class cannot be constructed without arguments.

        Raises:
            ConfigError: A value cannot be written to JSON.
        """
        cls = type(self)
        try:
            defaults = BASE_DEFAULTS | cls().to_dict()
        except AUTHOR_ERRORS:
            return self.to_dict()

        def text(name: str, value: Any) -> str:  # which tells True from 1, and has the order of a dict
            return encode_config({name: value}, owner=cls.__name__)

        return {
            name: value
            for name, value in self.to_dict().items()
            if name == "model_type" or name not in defaults or text(name, value) != text(name, defaults[name])
        }

    def to_json_string(self, use_diff: bool = False) -> str:  # noqa: FBT001, FBT002 - as overrides pass it on
        """Return the text of `config.json`: sorted fields, two spaces, ASCII. Dicts in fields keep their order.

        A subclass may override it, or `to_diff_dict`: then saves write the values that it returns.

        Args:
            use_diff: Write only the fields of `to_diff_dict`.

        Raises:
            ConfigError: A value cannot be written to JSON.
        """
        return encode_config(self.to_diff_dict() if use_diff else self.to_dict(), owner=type(self).__name__)

    def to_json_file(self, json_file_path: str | os.PathLike[str], *, use_diff: bool = False) -> None:
        """Write the text of `to_json_string` to a file, which is replaced in one step.

        Args:
            json_file_path: The file; `~` is expanded, and missing folders are created.
            use_diff: Write only the fields of `to_diff_dict`.

        Raises:
            SaveError: The file cannot be written. What was there is unchanged.
            ConfigError: A value could not be written to JSON and loaded again.
        """
        target = expand_home(json_file_path)
        from config_core.checkpoint import staged_save
        from config_core.config._hand_written import values_to_save
        from config_core.config._saved_values import file_text

        text = file_text(self, values_to_save(self, use_diff=use_diff))
        with staged_save(target.parent) as staging:
            (staging / target.name).write_text(text, encoding="utf-8")

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        portable: bool = True,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **options: Any,
    ) -> None:
        """Write `config.json`, and the source files of the class if it was registered for an auto class.

        Args:
            save_directory: Folder, created if missing. Its other files stay.
            portable: Let transformers load the source files too. The imports of these packages in the copies then point
                to one more file, `pretrained_base.py`; False copies the files as they are.
            push_to_hub: Upload to a hub as well.
            repo_id: Repository for the upload. If None, the name of the folder under the token's account.
            **options: Options of `push_to_hub`. Without an upload, neither they nor `repo_id` are allowed.

        Raises:
            SaveError: The folder cannot be written. What was there is unchanged.
            ConfigError: A value is wrong, or could not be written to JSON and loaded again. Nothing is written.
            SourceCodeError: The class was registered and its source is not available. Nothing is written.
            UnknownOptionError: There is no such option.
        """
        from config_core.checkpoint import staged_save

        options = check_save_options(options, push_to_hub=push_to_hub, repo_id=repo_id)
        validate_config(self)
        code = config_core.code.collect_code(type(self), type(self), portable=portable, folder=save_directory)
        with staged_save(save_directory) as staging:
            self.write_to(staging, code=code)
        if push_to_hub:
            self.push_to_hub(repo_id or Path(save_directory).resolve().name, portable=portable, **options)

    def push_to_hub(self, repo_id: str, *, portable: bool = True, **options: Unpack[PushOptions]) -> PushedCommit:
        """Save into a temporary folder and upload that to a hub in one commit.

        Args:
            repo_id: Repository as `owner/name`, or `name` for the token's own account; created if missing.
            portable: As for `save_pretrained`.
            **options: `commit_message`, `commit_description`, `private`, `token`, `revision`, `create_pr`, `tags`; and
                for the metadata of the model card `pipeline_tag`, `license`, `language`, `base_model` and
                `library_name`. The card keeps what a later push leaves out.

        Returns:
            The commit: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

        Raises:
            MissingServiceError: `pretrained-hub-io` is not installed.
            UnknownOptionError: There is no such option.
            TypeError: `tags` or metadata of the card is of another type. Nothing is written.
        """
        commit: PushedCommit = push_saved(
            lambda folder: self.save_pretrained(folder, portable=portable), repo_id, **options
        )
        return commit

    def write_to(
        self,
        folder: Path,
        *,
        architectures: list[str] | None = None,
        dtype: str | None = None,
        code: config_core.code.CodeBundle | None = None,
    ) -> None:
        """Write `config.json` and code into a folder, as a part of a larger save. The config is not changed.

        Args:
            folder: An existing folder.
            architectures: Written in place of the config's own.
            dtype: Written in place of the config's own.
            code: Source files to write beside it, and their classes for `auto_map`.

        Raises:
            ConfigError: A value could not be written to JSON and loaded again.
        """
        from config_core.config._hand_written import values_to_save

        values = values_to_save(self)
        if architectures is not None:
            values["architectures"] = architectures
        if dtype is not None:
            values["dtype"] = dtype
        if code is not None:
            values["auto_map"] = dict(sorted({**values.get("auto_map", {}), **code.auto_map}.items()))
            for name, content in code.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
        from config_core.config._saved_values import file_text

        (folder / CONFIG_NAME).write_text(file_text(self, values), encoding="utf-8")

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoConfig") -> None:
        """Let saves include the source files of this class, so that an auto class can load it.

        Args:
            auto_class: `"AutoConfig"`, the only one for configs.

        Raises:
            ClassReferenceError: It is not `AutoConfig`.
        """
        config_core.code.register_for_auto_class(cls, auto_class)

    # As an object

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Assign several fields: all of them, or none if one is wrong.

        Fields that the class computes from these are computed again, unless they have another value. Assigning an
        attribute, `config.heads = 8`, changes that one alone, and what `__init__` refuses of it is found by a save.

        Args:
            config_dict: Fields to their new values. A dict for a config or a dataclass changes the fields that it
                names.

        Raises:
            UnknownOptionError: The config has no such field.
            ConfigError: A value is wrong, or two of them contradict each other; or `config_dict` is no dict with text
                as keys.
        """
        from config_core.config._recomputing import update

        check_mapping(config_dict, f"{type(self).__name__}.update")
        update(self, config_dict)

    def validate(self) -> None:
        """Check every annotated field. Called after construction, by `update` and before a save.

        A subclass may extend it. To report several problems at once, raise an `ExceptionGroup` of ValueErrors: the
        error for whoever gave the values lists them all.

        Raises:
            ConfigValidationError: A field has a value of the wrong type.
            ConfigError: Classes were added to `id2label` or removed from it in place.
        """
        state = vars(self)
        if own_forms := state.get("_own_forms"):
            state = {name: value for name, value in state.items() if name not in own_forms}
        if self._labels.id2label is not None:
            try:
                labels_of(self)  # checks the names
            except ConfigError as error:
                raise with_wrong_values(error, type(self), state) from None
        for name, restored in check_and_restore(type(self), state).items():
            setattr(self, name, restored)

    # `huggingface_hub.dataclasses.strict` replaces it in a class, and refuses to replace any other method.
    setattr(validate, "__is_defined_by_strict_decorator__", True)  # noqa: B010

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, PretrainedConfig):
            return NotImplemented
        from config_core.config._equal_values import same_value

        try:
            mine, theirs = written_fields(self, with_unset=True), written_fields(other, with_unset=True)
        except Exception:  # noqa: BLE001 - half constructed, or a property of the author's fails
            mine, theirs = vars(self), vars(other)
        return same_value(mine, theirs)

    # Configs are mutable, and equal ones would need the same hash.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__} {encode_config(plain_value(self)).rstrip()}"
        except (AttributeError, ConfigError):  # half constructed, or with values that cannot be written to JSON
            state = ", ".join(f"{name!r}: {shown(value)}" for name, value in vars(self).items())
            return f"{type(self).__name__} {{{state}}}"

    def __replace__(self, **changes: Any) -> Self:
        """Return a config with other values of some fields, for `copy.replace`."""
        from config_core.config._overrides import replaced

        config: Self = replaced(self, changes)
        return config

    @property
    def _original(self) -> Self:
        """The config itself, which `dataclasses.replace` hands to the constructor."""
        return self

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return a JSON Schema (2020-12) of the files of this class, for editors and services.

        It has the types, defaults and descriptions of all fields. Descriptions are taken from docstrings in Google's
        style and from `field(metadata={"description": …})`. Other configs are in `$defs`. Keys that the class does not
        know are allowed, as in files.
        """
        from config_core.config._json_schema import schema_of_class

        return schema_of_class(cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """Let pydantic take a config, or a dict for one, as the value of a field."""
        from config_core.config._pydantic_schema import pydantic_schema

        return pydantic_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        from config_core.config._json_schema import inlined, schema_of_class

        return inlined(schema_of_class(cls))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the fields that `to_dict` returns."""
        return iter(name for name in self.to_dict() if name != NOTE_KEY)


PreTrainedConfig = PretrainedConfig
# As objects: jsonargparse evaluates the annotations of a class and its parents with the names of the class's module.
PretrainedConfig.__annotations__ = {
    name: eval(given)  # noqa: S307 - our own; `get_type_hints` is ten times as slow
    for name, given in PretrainedConfig.__annotations__.items()
}


def drop_trust_options(cls: type[Any], keywords: dict[str, Any], *, method: str = "from_pretrained") -> None:
    """Remove the options of trust, which mean nothing to a class that runs no code, and warn of those that are set.

    Args:
        cls: The class whose method is called.
        keywords: The keywords of the call.
        method: Name of the method.
    """
    for name in sorted(TRUST_OPTIONS & keywords.keys()):
        if keywords.pop(name):
            from config_core.messages import warn

            warn(
                f"{name} has no effect on {cls.__name__}.{method}, which does not run a checkpoint's code. "
                "It is an option of the Auto classes.",
                stacklevel=3,
            )


def config_class_named(model_type: Any, *, owner: type[Any] | None) -> type[Any]:
    """Return the class of a part: one that the registry, an installed package or the module of its owner has.

    Args:
        model_type: The `model_type` of the part.
        owner: The class that has the part.

    Raises:
        ValueError: There is none, or no class is known for it.
    """
    from config_core.config._part_classes import class_of_part, with_owner
    from config_core.config._problems import WrongValueError

    if not model_type:
        raise ValueError("A part of any class needs a model_type.")
    try:
        found: type[Any] = with_owner(lambda kind: class_of_part(kind, (PretrainedConfig,)), owner)(model_type)
    except WrongValueError as error:
        raise ValueError(f"{error}") from None
    return found


def has_written_init(cls: type[Any]) -> bool:
    """Return whether the author of a class itself has written an `__init__`, in place of fields in its body."""
    from config_core.config._body_fields import written_init

    return written_init(cls) is not None


def _config_of_file(
    cls: type[Any], values: dict[str, Any], overrides: dict[str, Any], *, keep_unused: bool, path: Path
) -> tuple[Any, dict[str, Any]]:
    """Make a config of the values of a file, with the class's own `from_dict` if it has one."""
    from config_core.config._overrides import make_config

    found, unused = FieldsOfFile(), dict[str, Any]()
    found.path = f"{path}"
    with of_file(unknown=found):
        if has_own(cls, "from_dict"):
            options = {"return_unused_kwargs": True} if keep_unused else {}
            made: Any = cls.from_dict(values, **options, **overrides)
            made, unused = made if keep_unused and isinstance(made, tuple) else (made, unused)
            config = made_config(cls, made)
        else:
            if cls.model_type and values.get("model_type") != cls.model_type:
                from config_core.config._foreign_files import check_claim

                check_claim(cls, values, path)
            config, unused = make_config(cls, values, overrides, keep_unused=keep_unused)
    if found:
        from config_core.config._unknown_names import report_slips

        report_slips(found, config, found.path)
    return config, unused


def _without_familiar_options(cls: type[Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return overrides without transformers options that ask for nothing. Those that are fields of the class stay.

    Raises:
        UnknownOptionError: An option asks for something.
    """
    own = definition_of(cls).names
    if overrides.keys() <= own:
        return overrides
    from config_core.familiar_options import CONFIG_OPTIONS, without_familiar

    others = without_familiar(CONFIG_OPTIONS, {name: overrides[name] for name in overrides if name not in own})
    return {name: value for name, value in overrides.items() if name in own or name in others}


def _explain(error: Exception, cls: type[Any], file: ConfigFile, overrides: Mapping[str, Any]) -> None:
    """Add to an error of a load where wrong values are from, and the options that are spelled like unknown ones."""
    from config_core.config._blame import blame

    if isinstance(error, UnknownOptionError) and "Did you mean" not in str(error):  # which names a field
        from config_core.familiar_options import did_you_mean

        hint = did_you_mean(error.names, [*HubOptions._fields, "return_unused_kwargs"])
        error.args = (f"{error.message} {hint}".rstrip(),)
    blame(error, cls, file, overrides)
