"""`PreTrainedModel`: a torch module that is created from a config, saved to a folder and loaded from one."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, Unpack, overload

import torch
from torch import nn

from config_core.checkpoint import (
    Checkpoint,
    HubOptions,
    PushedCommit,
    PushOptions,
    check_push,
    check_save_options,
    push_saved,
    staged_save,
)
from config_core.code import CodeOrigin, code_origin_of, collect_code, describe_value, register_for_auto_class
from config_core.config import PretrainedConfig, drop_trust_options, validate_config
from model_core.construction import construct, modules_to_initialize, note_layout_when_constructed
from model_core.declarations import check_declarations, declared_texts, kept_in_float32
from model_core.errors import ArgumentError, ModelDefinitionError
from model_core.familiar_options import (
    CREATE_OPTIONS,
    EARLY_OPTIONS,
    LOAD_OPTIONS,
    SAVE_OPTIONS,
    check_constructor_options,
    drop_options,
)
from model_core.gradient_checkpointing import GradientCheckpointing
from model_core.load_report import LoadReport
from model_core.loading import (
    AllowedDifferences,
    GivenWeights,
    NameRules,
    Patterns,
    Placement,
    Renaming,
    SuggestedCall,
    checked_key_mapping,
    config_for_load,
    load_weights,
    resolve_device,
    resolve_dtype,
    scoped_patterns,
    scoped_renamings,
)
from model_core.model_classes import annotated_config_class, authored_class, check_config
from model_core.module_facts import ModuleFacts
from model_core.module_tensors import NamedTensors, TensorLayout, named_tensors, wrapper_prefixes
from model_core.saving import ExpectedModel, SavableTensors, parse_size, savable_tensors, write_weights
from model_core.state_dicts import check_state_dict_argument
from model_core.tied_weights import declared_ties, layout_after_ties, make_ties, tie_declared
from model_core.torch_dtypes import dtype_name, floating_dtype, intended_dtype
from model_core.torch_internals import refuse_early_assignments
from model_core.weight_files import belongs_to_variant, check_variant

__all__ = ["PreTrainedModel"]

_Model = TypeVar("_Model", bound="PreTrainedModel")


class PreTrainedModel(GradientCheckpointing, ModuleFacts):
    """Base class of models.

    A subclass sets `config_class`, takes the config as the first argument of its `__init__`, calls
    `super().__init__(config)`, and creates its layers. Nothing has to be called at the end, and this class never
    initialises a module.

    Args:
        config: The config, kept as `self.config`.

    Attributes:
        config: The config of the model.
        name_or_path: Where the model was loaded from, or `""`.
        config_class: Class of the config. An annotation `config: MyConfig` in the class body sets it too.
        base_model_prefix: Name of the attribute that holds the base model in a model with a head. Weights of the base
            model load into a model with a head, and vice versa.
        main_input_name: Name of the argument of `forward` that takes the data.
        defer_initialization: Whether `from_pretrained` may skip drawing random values that the checkpoint replaces, and
            run the constructor a second time if that may have gone wrong. Set it to False if the constructor must not
            run twice, if it reads parameters in other threads or in C extensions, or if the model contains such a
            model.
        model_tags: Tags for the model card, or None.

    Raises:
        ConfigClassError: `config` is not an instance of `config_class`.
    """

    config: Any  # so that a subclass may declare `config: MyConfig`, or leave it open
    name_or_path: str
    config_class: ClassVar[type[PretrainedConfig] | None] = None
    base_model_prefix: ClassVar[str] = ""
    main_input_name: ClassVar[str] = "input_ids"
    defer_initialization: ClassVar[bool] = True
    model_tags: list[str] | None = None
    _constructed_layout: TensorLayout | None = None  # of the tensors, when it was constructed
    _constructed_fields: dict[str, Any] | None = None  # of the config, likewise

    # Model authors know these from transformers. Each may also be one text or None; `declarations` checks them.
    _tied_weights_keys: ClassVar[Mapping[str, str] | Iterable[str] | None] = None
    _keys_to_ignore_on_load_missing: ClassVar[Iterable[str | re.Pattern[str]] | None] = None
    _keys_to_ignore_on_load_unexpected: ClassVar[Iterable[str | re.Pattern[str]] | None] = None
    _keys_to_ignore_on_save: ClassVar[Iterable[str] | None] = None
    _keep_in_fp32_modules: ClassVar[Iterable[str] | None] = None
    _keep_in_fp32_modules_strict: ClassVar[Iterable[str] | None] = None
    _checkpoint_conversion_mapping: ClassVar[Mapping[str, str] | Iterable[tuple[str, str]] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "config_class" not in cls.__dict__ and (annotated := annotated_config_class(cls)) is not None:
            cls.config_class = annotated
        given: Any = cls.config_class
        if given is not None and not (isinstance(given, type) and issubclass(given, PretrainedConfig)):
            raise ModelDefinitionError(
                f"config_class must be a subclass of PretrainedConfig, got {describe_value(given)}.", model_class=cls
            )
        check_declarations(cls)
        note_layout_when_constructed(cls)

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make an object to which no module can be assigned before the base class is constructed."""
        model = super().__new__(cls)
        refuse_early_assignments(
            model,
            lambda name: ModelDefinitionError(
                f"its constructor assigns {name!r} before the base class is constructed. Call super().__init__(config) "
                "in the first line of its __init__.",
                model_class=cls,
            ),
        )
        return model

    def __init__(self, config: PretrainedConfig, *args: Any, **kwargs: Any) -> None:
        check_config(type(self), config, self._config_class_of_parts())
        super().__init__(*args, **kwargs)
        self.config = config
        self._constructed_fields = _fields_of(config)
        # An attribute and no property: other libraries look for it among the attributes of the object.
        self.name_or_path = config.name_or_path

    @classmethod
    def _config_class_of_parts(cls) -> type[PretrainedConfig] | None:
        """Return the class of the configs that the constructor takes, or None for any."""
        return cls.config_class

    # Loading

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint | None,
        *model_args: Any,
        output_loading_info: Literal[False] = ...,
        **options: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint | None,
        *model_args: Any,
        output_loading_info: Literal[True],
        **options: Any,
    ) -> tuple[Self, LoadReport]: ...

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | Checkpoint | None,
        *model_args: Any,
        config: PretrainedConfig | str | os.PathLike[str] | Checkpoint | None = None,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        dtype: str | torch.dtype | None = None,
        device: str | int | torch.device | None = None,
        strict: bool = True,
        allow_missing: Patterns = (),
        allow_unexpected: Patterns = (),
        ignore_mismatched_sizes: bool = False,
        key_mapping: Mapping[str, str] | None = None,
        variant: str | None = None,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        read: Literal["mmap", "copy"] = "mmap",
        use_safetensors: bool | None = None,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Self | tuple[Self, LoadReport]:
        """Load a model, in evaluation mode.

        Every parameter and buffer holds the value that the checkpoint or the constructor gave it. A tensor that the
        checkpoint lacks is an error unless it is allowed to be missing; it then keeps the constructor's value.

        Args:
            pretrained_model_name_or_path: A folder, a repository `owner/name`, or an open checkpoint. It may be None if
                `config` and `state_dict` are given.
            *model_args: Further positional arguments of the constructor.
            config: A config, which is copied, or where to load one from; the checkpoint's own if None.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint.
            token: Access token for the Hub; True for the stored one, False for none.
            cache_dir: Folder for downloads.
            local_files_only: Use only files that have been downloaded before.
            force_download: Download files again, even if they are cached.
            dtype: What floating-point tensors are converted to: a `torch.dtype` or its name. None or `"auto"` keeps
                the dtype of each tensor in the checkpoint. `torch_dtype` is accepted as another name.
            device: Device for all tensors. If None, each tensor stays where the constructor puts it, normally the CPU.
            strict: False allows all missing and unexpected tensors, and logs them. Mismatched shapes remain an error.
            allow_missing: Tensors of the model that the checkpoint may lack: names of tensors or modules, patterns
                such as `"head.*"`, compiled regular expressions, or True for all.
            allow_unexpected: Tensors of the checkpoint that the model may lack, likewise.
            ignore_mismatched_sizes: Keep the constructor's values where shapes, or dtypes other than floating-point
                ones, differ.
            key_mapping: Regular expressions and replacements that turn names in the checkpoint into names in the
                model. The first expression that matches part of a name renames it.
            variant: Part of the file names: `"fp16"` for `model.fp16.safetensors`.
            state_dict: Weights in memory, which are copied, instead of those of the checkpoint.
            read: `"mmap"` maps the weights from their files: the load needs no memory of its own, processes on one
                machine share the mapped memory, and values are read from the disk on first use. The mapping is
                private, so training in place never changes the files, and `save_pretrained` may overwrite them;
                replacing them by renaming or removing them is safe too. Another program that overwrites them in place
                (`cp`, `rsync --inplace`) changes the values of the model, and one that truncates them terminates this
                process with SIGBUS. `"copy"` avoids both by reading the weights into memory. It reads each file once
                and sequentially, so it is also faster on a slow disk or network if the model uses its weights in
                another order. Files that cannot be mapped are always copied.
            use_safetensors: True never reads a pickle. safetensors files always take precedence.
            output_loading_info: Return the report as well.
            **kwargs: Config fields, which override the checkpoint's values; everything else is passed to the
                constructor. `tie_word_embeddings=False` switches off the ties that a class declares. transformers
                options that are not supported here raise an error unless set to their no-op value.

        Returns:
            The model, or with `output_loading_info` the pair `(model, LoadReport)`.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            WeightsNotFoundError: The checkpoint has no weights, or some of their files are missing.
            WeightsFileError: A weight file is damaged, or the folder was saved to during the load.
            WeightsMismatchError: Checkpoint and model do not match. The error lists all differences with shapes.
            ModelSizeError: The config describes a model that is far larger than the checkpoint, or than memory.
            ConfigError: The config is invalid.
            ModelDefinitionError: The class cannot be loaded the way it is written.
            ArgumentError: An argument is invalid or not supported.
        """
        options = {
            "dtype": dtype,
            "device": device,
            "strict": None if strict is True else strict,
            "allow_missing": allow_missing or None,
            "allow_unexpected": allow_unexpected or None,
            "ignore_mismatched_sizes": ignore_mismatched_sizes or None,
            "key_mapping": key_mapping,
            "variant": variant,
            "read": None if read == "mmap" else read,
            "use_safetensors": use_safetensors,
            "output_loading_info": output_loading_info or None,
        }
        options = {name: value for name, value in options.items() if value is not None} | kwargs
        torch_dtype = kwargs.pop("torch_dtype", None)
        to_dtype = resolve_dtype(torch_dtype if dtype is None else dtype)
        to_device = resolve_device(device)
        drop_trust_options(cls, kwargs)
        kwargs = drop_options(EARLY_OPTIONS, kwargs, model_class=cls)
        rules = partial(cls._name_rules, key_mapping=checked_key_mapping(key_mapping))
        allowed = AllowedDifferences(
            allow_missing=allow_missing,
            allow_unexpected=allow_unexpected,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            strict=strict,
        )
        hub_options = HubOptions(revision, subfolder, token, cache_dir, local_files_only, force_download)
        given = GivenWeights.from_arguments(
            pretrained_model_name_or_path,
            state_dict,
            hub_options,
            variant=variant,
            read=read,
            use_safetensors=use_safetensors,
        )
        checkpoint = given.checkpoint
        call = SuggestedCall(
            cls, checkpoint, config, model_args, options, hub_options, rules=rules, construct=partial(_constructed, cls)
        )

        own_config, model_kwargs = config_for_load(
            cls,
            cls.config_class,
            config,
            checkpoint,
            kwargs,
            named_file=given.file,
            hub_options=hub_options,
            call_with=lambda new, unused: given.how_to_load(
                call.with_new_config(new, drop_options(LOAD_OPTIONS, unused, model_class=cls))
            ),
        )
        model_kwargs = drop_options(LOAD_OPTIONS, model_kwargs, model_class=cls)
        check_constructor_options(cls, model_kwargs, call=cls.from_pretrained, fields=own_config)
        if to_dtype is not None:
            own_config.dtype = dtype_name(to_dtype)
        call = call.with_config(own_config, model_kwargs)
        weights = given.open(call)

        model, deferred = construct(
            partial(_constructed, cls, own_config, *model_args, **model_kwargs),
            defer=cls.defer_initialization,
            checkpoint=weights.name,
            num_stored=None if allowed.may_lack_many else len(weights.tensors),
        )
        named = named_tensors(model)
        report = load_weights(
            model,
            named,
            weights,
            deferred=deferred,
            rules=rules(model, named),
            placement=Placement(to_dtype, to_device, kept_in_float32(model, named)),
            allowed=allowed,
            checkpoint=checkpoint if state_dict is None else None,
            construct=call.construct,
            tie=lambda missing: make_ties(model, PreTrainedModel, modules=named.modules, missing=missing),
        )
        model.eval()
        return (model, report) if output_loading_info else model

    @classmethod
    def _from_config(cls, config: PretrainedConfig, *, dtype: str | torch.dtype | None = None, **kwargs: Any) -> Self:
        """Create a model with new weights, in training mode.

        Args:
            config: The config. It is kept, or copied if another `dtype` is given.
            dtype: What floating-point tensors are converted to; the config's own dtype if None or `"auto"`.
                `torch_dtype` is accepted as another name.
            **kwargs: Further arguments of the constructor.

        Raises:
            ArgumentError: `dtype` is not a floating-point dtype, or a transformers option is not supported.
            ConfigClassError: The config is of another class.
        """
        torch_dtype = kwargs.pop("torch_dtype", None)
        to_dtype = resolve_dtype(torch_dtype if dtype is None else dtype)
        check_config(cls, config, cls._config_class_of_parts())
        is_given = to_dtype is not None
        if to_dtype is None:
            to_dtype = resolve_dtype(config.dtype) if intended_dtype(config.dtype) else floating_dtype(config.dtype)
        elif config.dtype != dtype_name(to_dtype):
            config = copy.deepcopy(config)
            config.dtype = dtype_name(to_dtype)
        drop_trust_options(cls, kwargs, method="_from_config")
        kwargs = drop_options(CREATE_OPTIONS, kwargs, model_class=cls)
        check_constructor_options(cls, kwargs, call=cls._from_config)
        model = cls(config, **kwargs)
        if is_given or to_dtype not in {None, torch.get_default_dtype()}:
            Placement(to_dtype, kept_in_float32=kept_in_float32(model, named_tensors(model))).apply(model)
        return model

    @classmethod
    def _name_rules(cls, model: nn.Module, named: NamedTensors, key_mapping: Mapping[str, str]) -> NameRules:
        parts = [(prefix, module) for prefix, module in named.modules if isinstance(module, PreTrainedModel)]
        wrapped = wrapper_prefixes(model, named.modules)
        of_wrappers = [Renaming(f"^{re.escape(prefix)}", plain) for prefix, plain in wrapped.items()]
        return NameRules(
            key_mapping=key_mapping,
            declared_renamings=(*scoped_renamings(parts), *of_wrappers),
            base_model_prefixes=_base_model_prefixes(dict(parts)),
            ignored_missing=scoped_patterns(parts, "_keys_to_ignore_on_load_missing"),
            ignored_unexpected=scoped_patterns(parts, "_keys_to_ignore_on_load_unexpected"),
            ties=declared_ties(model, named.modules),
        )

    # Saving

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        is_main_process: bool = True,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        max_shard_size: int | str = "50GB",
        variant: str | None = None,
        portable: bool = True,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **options: Any,
    ) -> None:
        """Write config and weights, and the source code of classes registered for an auto class, as one step.

        The model, its config and `state_dict` are not changed. Weights that an earlier save left in another layout are
        removed in the same step. Files that are not part of a save stay. What `torch.compile` and other wrappers of
        torch add to names is not written.

        Args:
            save_directory: The folder, created if missing.
            is_main_process: False writes nothing, for the other processes of a distributed program. What is wrong with
                the model raises the same error in all of them. What goes wrong while writing, such as a full disk, is
                raised only in the process that writes: the others do not wait for it, because a program may also call
                this method in one process alone.
            state_dict: What to write instead of the model's own state: a tensor for each of its names.
            max_shard_size: Maximum size of a weight file: bytes, or `"5GB"`, `"500MB"`, `"1GiB"`.
            variant: Part of the file names: `"fp16"` for `model.fp16.safetensors`.
            portable: Let transformers load the source files too. The imports of these packages in the copies then point
                to one more file, `pretrained_base.py`; False copies the files as they are.
            push_to_hub: Upload the saved files as well.
            repo_id: Repository for the upload; if None, the name of the folder under the token's account.
            **options: Options of `push_to_hub`. Without an upload, neither they nor `repo_id` are allowed. transformers
                options that are not supported here raise an error unless set to their no-op value.

        Raises:
            SaveError: The folder cannot be written. It is unchanged.
            UnsavableTensorError: safetensors cannot store a value, or a tensor is spread over processes. Nothing is
                written.
            StateDictError: `state_dict` does not match the model. Nothing is written.
            SourceCodeError: The class is registered and its source code is not available. Nothing is written.
            ArgumentError: An argument is invalid or not supported. Nothing is written.
        """
        options = check_save_options(
            drop_options(SAVE_OPTIONS, options), push_to_hub=push_to_hub, repo_id=repo_id, familiar=SAVE_OPTIONS
        )
        _check_has_config(self)
        shard_size = parse_size(max_shard_size)
        check_variant(variant)
        for name, value in (("is_main_process", is_main_process), ("portable", portable)):
            if value not in (True, False):  # None would leave a save, or the file for transformers, out without a word
                raise ArgumentError(name, value, expected="True or False")
        if state_dict is not None:
            check_state_dict_argument(state_dict, _code_of_save, names_only=True)
        if not is_main_process and state_dict is not None and not state_dict:
            return  # it was gathered in another process
        # Every process makes the checks: those that write nothing would wait for one that has raised an error.
        named = named_tensors(self)
        expected = self._expected_model(named)
        may_lack = self._name_rules(self, named, {}).ignores_missing
        ignored = {
            prefix + name
            for prefix, part in named.modules
            if isinstance(part, PreTrainedModel)
            for name in declared_texts(part, "_keys_to_ignore_on_save")
        }
        savable = savable_tensors(
            self, state_dict, named, ignored=ignored, may_lack=may_lack, ties=expected.declared.enabled
        )
        expected.check_ties(savable.tensors)
        validate_config(self.config)
        written_class = expected.model_class
        code = collect_code(written_class, type(self.config), portable=portable, folder=save_directory)
        if not is_main_process:
            self.config.to_json_string()
            return
        written = dict.fromkeys([*savable.tensors, *savable.tied])
        expected.warn_about_differences(named, written, may_lack=may_lack)
        dtype = _dtype_of(savable, named)

        with staged_save(save_directory, stale=lambda name: belongs_to_variant(name, variant)) as folder:
            if type(self.config).save_pretrained is not PretrainedConfig.save_pretrained:
                self.config.save_pretrained(folder)  # it may write more than the config
            self.config.write_to(
                folder,
                architectures=[written_class.__name__],
                dtype=None if dtype is None else dtype_name(dtype),
                code=code,
            )
            write_weights(folder, savable, max_shard_size=shard_size, variant=variant)
        if push_to_hub:
            self.push_to_hub(
                repo_id or Path(save_directory).resolve().name,
                state_dict=state_dict,
                max_shard_size=max_shard_size,
                variant=variant,
                portable=portable,
                **options,
            )

    def _expected_model(self, named: NamedTensors) -> ExpectedModel:
        """Return what is known of the model that a load of this one will make."""
        written_class = authored_class(type(self), PreTrainedModel)
        return ExpectedModel(
            written_class,
            self.config,
            construct=partial(_constructed, written_class),
            constructed=self._constructed_layout,
            has_other_config=self._constructed_fields not in (None, _fields_of(self.config)),
            declared=declared_ties(self, named.modules),
            after_ties=layout_after_ties(self, PreTrainedModel, named.modules),
        )

    def push_to_hub(
        self,
        repo_id: str,
        *,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        max_shard_size: int | str = "50GB",
        variant: str | None = None,
        portable: bool = True,
        **options: Unpack[PushOptions],
    ) -> PushedCommit:
        """Save to a temporary folder and upload it to the Hub in one commit.

        Args:
            repo_id: Repository as `owner/name`, or `name` under the token's own account; created if missing.
            state_dict: As for `save_pretrained`.
            max_shard_size: As for `save_pretrained`.
            variant: As for `save_pretrained`.
            portable: As for `save_pretrained`.
            **options: `commit_message`, `commit_description`, `private`, `token`, `revision`, `create_pr`, and `tags`,
                which are added to `model_tags`; and for the metadata of the model card `pipeline_tag`, `license`,
                `language`, `base_model` and `library_name`. The card keeps what a later push leaves out.

        Returns:
            The commit: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

        Raises:
            MissingServiceError: `pretrained-hub-io` is not installed.
            UnknownOptionError: There is no such option.
            TypeError: `tags` or metadata of the card is of another type. Nothing is written.
        """
        known = check_push(drop_options(SAVE_OPTIONS, {**options}), familiar=SAVE_OPTIONS)
        tags = [*declared_texts(self, "model_tags"), *(known.pop("tags", None) or ())]
        if tags:
            known["tags"] = tags
        commit: PushedCommit = push_saved(
            lambda folder: self.save_pretrained(
                folder, state_dict=state_dict, max_shard_size=max_shard_size, variant=variant, portable=portable
            ),
            repo_id,
            **known,
        )
        return commit

    @classmethod
    def register_for_auto_class(cls, auto_class: str | type[Any] = "AutoModel") -> None:
        """Let saves write the source files of this class, for an auto class to load.

        A class has one auto class: a later call replaces an earlier one.

        Args:
            auto_class: Name of the auto class, such as `"AutoModelForImageClassification"`, or the class itself. An
                auto class that the program defines must be passed as a class.

        Raises:
            ClassReferenceError: There is no auto class of this name.
        """
        register_for_auto_class(cls, auto_class)

    def add_model_tags(self, tags: str | Iterable[str]) -> None:
        """Add tags for the model card that uploads write. Tags that are already there are not repeated."""
        added = [tags] if isinstance(tags, str) else list(tags)
        self.model_tags = list(dict.fromkeys([*declared_texts(self, "model_tags"), *added]))

    # Initialisation and ties

    def post_init(self) -> None:
        """Run the author's own `_init_weights`, if any, and make the declared ties. Calling this is optional."""
        self.init_weights()

    def init_weights(self) -> None:
        """Call the author's `_init_weights(module)` on the modules that the author wrote, then make the declared ties.

        Parts from other packages, and models inside this one, are not initialised.
        """
        hook = getattr(self, "_init_weights", None)
        if hook is not None:
            for module in list(modules_to_initialize(self, boundary=PreTrainedModel)):
                with torch.no_grad():
                    hook(module)
        self.tie_weights()

    def tie_weights(self, missing_keys: set[str] | None = None, recompute_mapping: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        """Make the ties that `_tied_weights_keys` declares.

        A class may override this to make ties of its own. Every load calls it twice: once the model is constructed, and
        once its values are loaded.

        Args:
            missing_keys: Names of the tensors that the checkpoint lacks, when a load calls an override that takes them.
            recompute_mapping: Has no effect; overrides that are written for transformers 5 pass it.

        Raises:
            ModelDefinitionError: A declared name is not a tensor of the model, or the shapes differ.
        """
        tie_declared(self)

    # Properties

    @property
    def base_model(self) -> nn.Module:
        """The base model that `base_model_prefix` names, or the model itself."""
        inner = getattr(self, self.base_model_prefix, None) if self.base_model_prefix else None
        return inner if isinstance(inner, nn.Module) else self

    @property
    def code_origin(self) -> CodeOrigin | None:
        """Where the code of the class came from and what let it run, if it came with a checkpoint; else None."""
        return code_origin_of(type(self))

    @property
    def commit_hash(self) -> str | None:
        """The commit of the repository that the model was loaded from, or None."""
        commit: str | None = self.config.commit_hash
        return commit


def _constructed(model_class: type[_Model], config: PretrainedConfig, *args: Any, **kwargs: Any) -> _Model:
    """Construct a model, check that it was done as it should be, and make its ties."""
    model = model_class(config, *args, **kwargs)
    _check_has_config(model)
    make_ties(model, PreTrainedModel)
    return model


def _fields_of(config: PretrainedConfig) -> dict[str, Any] | None:
    """Return the fields of a config in a form that does not change with it, or None if it has none."""
    try:
        return config.to_dict()
    except Exception:  # noqa: BLE001 - the author's code, or values that no file can hold
        return None


def _code_of_save(_: Mapping[str, torch.Tensor], code: str, /, *, argument: str = "state_dict") -> str:
    """Return Python code for the save of a state dict, as `CodeOfCall` describes it."""
    return f"save_pretrained(..., {argument}={code})"


def _dtype_of(savable: SavableTensors, named: NamedTensors) -> torch.dtype | None:
    """Return the dtype for the config: that of the first floating-point parameter that is written, else any."""
    parameters = {name: tensor for name, tensor in named.persistent.items() if isinstance(tensor, nn.Parameter)}
    written = [tensor for name, tensor in savable.tensors.items() if name in parameters]
    return next((tensor.dtype for tensor in [*written, *parameters.values()] if tensor.is_floating_point()), None)


def _base_model_prefixes(parts: Mapping[str, PreTrainedModel]) -> tuple[str, ...]:
    """Return the prefix of a model's base model, then that of the base model's own, and so on.

    Args:
        parts: The model and the models inside it, by the prefix of their names.
    """
    found = []
    path = ""
    while path in parts and (prefix := parts[path].base_model_prefix):
        found.append(prefix)
        path += f"{prefix}."
    return tuple(found)


def _check_has_config(model: PreTrainedModel) -> None:
    """Check that the constructor of a model called that of the base class."""
    if not isinstance(vars(model).get("config"), PretrainedConfig):
        raise ModelDefinitionError(
            "it has no config. Call super().__init__(config) in the first line of its __init__.",
            model_class=type(model),
        )
