"""`PreTrainedModel`: a torch module that is made from a config, saved as a folder and loaded from one."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import torch
from torch import nn

from config_core.checkpoint import check_push, open_checkpoint, push_saved, staged_save
from config_core.code import collect_code, register_for_auto_class
from config_core.config import PretrainedConfig
from config_core.errors import UnknownOptionError
from model_core.config_classes import annotated_config_class, check_config
from model_core.construction import construct, modules_to_initialize
from model_core.errors import ArgumentError, ModelDefinitionError, WeightsFileError
from model_core.gradient_checkpointing import GradientCheckpointing
from model_core.loading import (
    Allowed,
    NameRules,
    Placement,
    check_plan,
    config_for_load,
    extra_states,
    fill,
    hook_versions,
    open_weights,
    plan_load,
    resolve_device,
    resolve_dtype,
    run_load_hooks,
    run_post_hooks,
    saved_by_hint,
    without_familiar_options,
    wrap_state_dict,
)
from model_core.module_facts import ModuleFacts
from model_core.module_tensors import named_tensors
from model_core.saving import parse_size, savable_tensors, write_weights
from model_core.tied_weights import declared_ties, tie_declared
from model_core.torch_dtypes import dtype_name, named_floating
from model_core.weight_files import is_weights_name, single_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Self

    from config_core.checkpoint import Checkpoint
    from model_core.construction import DeferredConstruction
    from model_core.load_report import LoadReport
    from model_core.loading import Patterns
    from model_core.module_tensors import NamedTensors

__all__ = ["PreTrainedModel"]

_logger = logging.getLogger(__name__)


class PreTrainedModel(GradientCheckpointing, ModuleFacts):
    """Base class of models.

    A subclass sets `config_class`, takes the config first in its `__init__`, calls `super().__init__(config)`, and
    builds its layers. Nothing has to be called at the end, and no module is ever initialised by this class.

    Args:
        config: The config, kept as `self.config`.

    Attributes:
        config: The config of the model.
        config_class: Class of the config. An annotation `config: MyConfig` in the class does as well.
        base_model_prefix: Name of the attribute that holds the inner model in a model with a head. Weights of the inner
            model load into one with a head, and the reverse.
        main_input_name: Name of the argument of `forward` that holds the data.
        defer_initialization: Whether `from_pretrained` may leave out random values that the checkpoint replaces, and
            run a constructor twice if that may have gone wrong: see `model_construction`. False for one that must not
            be, for one that reads its parameters in other threads or in extensions written in C, and for a class that
            has such a model inside.
        model_tags: Tags for the hub, or None.

    Raises:
        ConfigClassError: `config` is not an object of `config_class`.
    """

    config: PretrainedConfig
    config_class: ClassVar[type[PretrainedConfig] | None] = None
    base_model_prefix: ClassVar[str] = ""
    main_input_name: ClassVar[str] = "input_ids"
    defer_initialization: ClassVar[bool] = True
    model_tags: list[str] | None = None

    # The names that model authors know. Each may also be None.
    _tied_weights_keys: ClassVar[Mapping[str, str] | Iterable[str] | None] = None
    _keys_to_ignore_on_load_missing: ClassVar[Iterable[str] | None] = None
    _keys_to_ignore_on_load_unexpected: ClassVar[Iterable[str] | None] = None
    _keys_to_ignore_on_save: ClassVar[Iterable[str] | None] = None
    _keep_in_fp32_modules: ClassVar[Iterable[str] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "config_class" not in cls.__dict__ and (annotated := annotated_config_class(cls)) is not None:
            cls.config_class = annotated
        given: Any = cls.config_class
        if given is not None and not (isinstance(given, type) and issubclass(given, PretrainedConfig)):
            raise ModelDefinitionError(
                f"config_class must be a subclass of PretrainedConfig, got {given!r}.", model_class=cls
            )

    def __init__(self, config: PretrainedConfig, *args: Any, **kwargs: Any) -> None:
        check_config(type(self), config, type(self).config_class)
        super().__init__(*args, **kwargs)
        self.config = config

    # Loading

    @overload
    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint | None,
        *model_args: Any,
        output_loading_info: Literal[False] = ...,
        **options: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint | None,
        *model_args: Any,
        output_loading_info: Literal[True],
        **options: Any,
    ) -> tuple[Self, LoadReport]: ...

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint | None,
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
        """Load a model. It comes in evaluation mode.

        Every parameter and buffer holds what the checkpoint or the constructor gave it. What the checkpoint does not
        supply is an error unless allowed, and then holds the constructor's own values.

        Args:
            source: A folder, a repository `owner/name`, or a checkpoint that is already open. None with `config` and
                `state_dict`.
            *model_args: Further positional arguments of the constructor.
            config: A config, which is copied, or where to load one from; the checkpoint's own if None.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint.
            token: Access token for the hub; True for the stored one, False for none.
            cache_dir: Where downloads are kept.
            local_files_only: Use what has been downloaded before and no network.
            force_download: Download again what is already there.
            dtype: What floating tensors are converted to: a `torch.dtype` or its name. None or `"auto"` keeps the
                checkpoint's own, tensor by tensor. `torch_dtype` is accepted as another spelling.
            device: Where all tensors go; where the constructor puts each, normally the CPU, if None.
            strict: False allows all missing and unexpected tensors, and logs them; other sizes it does not.
            allow_missing: Tensors of the model that the checkpoint may lack: names, names of modules, patterns such as
                `"head.*"`, compiled regular expressions, or True for all.
            allow_unexpected: Tensors of the checkpoint that the model may have no place for; likewise.
            ignore_mismatched_sizes: Keep the constructor's values where shapes, or kinds of numbers, differ.
            key_mapping: Regular expressions and replacements that turn names in the checkpoint into names in the model;
                the first that is found in a name renames it.
            variant: Part of the file names: `"fp16"` for `model.fp16.safetensors`.
            state_dict: Weights in memory, copied, in place of a `source`.
            read: `"mmap"` maps the weights from their files: the load takes no memory of its own, processes on one
                machine share what they read, and values come from the disk on first use. The mapping is private, so
                training in place never changes the files, and they may be saved over by `save_pretrained`, replaced
                by renaming, or removed. Another program that overwrites them in place (`cp`, `rsync --inplace`) changes
                the values of the model, and one that truncates them ends this process with SIGBUS: against those,
                `"copy"` reads the weights into memory of their own. That goes through each file once and in order, and
                is also the faster way on a slow disk or network if the model then uses them in another order. Where a
                file cannot be mapped it is read.
            use_safetensors: True reads no pickle where there are no safetensors. They go first in any case.
            output_loading_info: Return the report as well.
            **kwargs: Fields of the config, whose values replace the checkpoint's; the rest goes to the constructor. Any
                config of a class that declares ties takes `tie_word_embeddings=False`, which leaves them unmade.
                Options of transformers that are none here are errors that say what to do, unless they ask for nothing.

        Returns:
            The model, or with `output_loading_info` the pair `(model, LoadReport)`.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            WeightsNotFoundError: It has no weights, or lacks some of their files.
            WeightsFileError: A file of weights is damaged, or the folder was saved to meanwhile.
            WeightsMismatchError: Weights and model do not fit; the error lists everything with shapes.
            ConfigError: The config is wrong.
            ModelDefinitionError: The class does not keep the contract.
            ArgumentError: An argument cannot be understood, or not together with another.
        """
        torch_dtype = kwargs.pop("torch_dtype", None)
        to_dtype, to_device = resolve_dtype(torch_dtype if dtype is None else dtype), resolve_device(device)
        hub_options: dict[str, Any] = {
            "revision": revision,
            "token": token,
            "cache_dir": cache_dir,
            "local_files_only": local_files_only,
            "force_download": force_download,
        }
        if read not in {"mmap", "copy"}:
            raise ArgumentError("read", read, allowed="'mmap' or 'copy'")
        if not isinstance(key_mapping or {}, Mapping):
            raise ArgumentError("key_mapping", key_mapping, allowed="a dict from regular expressions to replacements")
        if use_safetensors not in {None, True}:
            raise ArgumentError("use_safetensors", use_safetensors, allowed="True or None; safetensors always go first")
        if (source is None) == (state_dict is None):
            raise ArgumentError(
                "source", source, allowed="a folder, repository or Checkpoint, or None with state_dict and config"
            )

        checkpoint = None if source is None else open_checkpoint(source, subfolder=subfolder, **hub_options)
        own_config, model_kwargs = config_for_load(cls, cls.config_class, config, checkpoint, kwargs, **hub_options)
        model_kwargs = without_familiar_options(cls, model_kwargs)
        if to_dtype is not None:
            own_config.dtype = dtype_name(to_dtype)
        weights = (
            wrap_state_dict(state_dict or {})
            if checkpoint is None
            else open_weights(checkpoint, variant=variant, mapped=read == "mmap", pickles=not use_safetensors)
        )
        model, deferred = cls._construct(own_config, model_args, model_kwargs)

        named = named_tensors(model)
        _check_values(cls, named)
        placement = Placement(to_dtype, to_device, cls._kept_in_float32(named))
        rules = cls._name_rules(model, key_mapping or {})
        weights = run_load_hooks(named.modules, weights, named.persistent, rules)
        plan = plan_load(
            named.persistent, weights, rules, placement=placement, extra_states=extra_states(named.modules)
        )
        allowed = Allowed(
            allow_missing=allow_missing if strict else True,
            allow_unexpected=allow_unexpected if strict else True,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )
        check_plan(plan, allowed, hint=lambda: saved_by_hint(cls, checkpoint))
        if not strict and (plan.report.missing or plan.report.unexpected):
            _logger.warning("Loaded with strict=False. %s", plan.report)

        fill(model, named, plan, weights, placement=placement, deferred=deferred)
        if checkpoint is not None and checkpoint.was_replaced():
            raise WeightsFileError("it was saved to while it was being loaded. Load it again", file=str(checkpoint))
        placement.apply(model)
        run_post_hooks(named.modules, plan.report)
        model.eval()
        return (model, plan.report) if output_loading_info else model

    @classmethod
    def _from_config(cls, config: PretrainedConfig, *, dtype: str | torch.dtype | None = None, **kwargs: Any) -> Self:
        """Make a model with fresh weights, in training mode.

        Args:
            config: The config; it is kept, or copied where another `dtype` is given.
            dtype: What floating tensors are converted to; the config's own if None or `"auto"`. `torch_dtype` is
                accepted as another spelling.
            **kwargs: Further arguments of the constructor.

        Raises:
            ArgumentError: `dtype` is no floating dtype.
            ConfigClassError: The config is of another class.
        """
        torch_dtype = kwargs.pop("torch_dtype", None)
        to_dtype = resolve_dtype(torch_dtype if dtype is None else dtype)
        check_config(cls, config, cls.config_class)
        if to_dtype is None:
            to_dtype = named_floating(config.dtype)
        elif config.dtype != dtype_name(to_dtype):
            config = copy.deepcopy(config)
            config.dtype = dtype_name(to_dtype)
        model = cls(config, **without_familiar_options(cls, kwargs))
        if to_dtype not in {None, torch.get_default_dtype()}:
            Placement(to_dtype, kept_in_float32=cls._kept_in_float32(named_tensors(model))).apply(model)
        return model

    @classmethod
    def _construct(
        cls, config: PretrainedConfig, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Self, DeferredConstruction]:
        """Make the model without random values that nobody may need."""
        model, deferred = construct(lambda: cls(config, *args, **kwargs), defer=cls.defer_initialization)
        _check_constructed(model)
        return model, deferred

    @classmethod
    def _name_rules(cls, model: nn.Module, key_mapping: Mapping[str, str]) -> NameRules:
        ties = declared_ties(model)
        return NameRules(
            key_mapping=key_mapping,
            base_model_prefix=cls.base_model_prefix,
            ignored_missing=tuple(cls._keys_to_ignore_on_load_missing or ()),
            ignored_unexpected=tuple(cls._keys_to_ignore_on_load_unexpected or ()),
            tied=ties.made,
            untied=ties.unmade,
        )

    @classmethod
    def _kept_in_float32(cls, named: NamedTensors) -> frozenset[int]:
        """Return the ids of tensors that stay in float32 in a model of a shorter dtype."""
        patterns = frozenset(cls._keep_in_fp32_modules or ())
        if not patterns:
            return frozenset()
        return frozenset(
            id(tensor) for name, tensor in named.everything().items() if not patterns.isdisjoint(name.split("."))
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
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **options: Any,
    ) -> None:
        """Write config, weights and, for a class registered for an auto class, its code, as one step.

        The model, its config and `state_dict` are not changed. Weights that an earlier save left in another layout go
        in the same step; files that are not ours stay.

        Args:
            save_directory: Folder, made if missing.
            is_main_process: False writes nothing, for the other processes of a distributed program.
            state_dict: What is written in place of the model's own state.
            max_shard_size: Largest size of a file of weights: bytes, or `"5GB"`, `"500MB"`, `"1GiB"`.
            variant: Part of the file names: `"fp16"` for `model.fp16.safetensors`.
            push_to_hub: Upload to a hub as well.
            repo_id: Repository for that; the name of the folder under the token's account if None.
            **options: Options of `push_to_hub`.

        Raises:
            SaveError: The folder cannot be written; what was there is unchanged.
            UnsavableTensorError: A value has no form in safetensors; nothing is written.
            SourceCodeError: The class was registered and its source cannot be had; nothing is written.
            ArgumentError: `max_shard_size` or `variant` cannot be understood; nothing is written.
        """
        if options.pop("safe_serialization", None) is False:
            raise ArgumentError("safe_serialization", value=False, allowed="True; weights are never written as pickles")
        if options and not push_to_hub:
            raise UnknownOptionError(
                f"save_pretrained has no option {', '.join(map(repr, options))} without push_to_hub=True.",
                names=tuple(options),
            )
        if push_to_hub:
            check_push(options)
        _check_constructed(self)
        shard_size = parse_size(max_shard_size)
        single_name(variant)  # refuses a variant that cannot be part of a file name
        if not is_main_process:
            return
        savable = savable_tensors(
            self.state_dict(keep_vars=True) if state_dict is None else state_dict,
            sources=frozenset(declared_ties(self).made.values()),
            ignored=frozenset(self._keys_to_ignore_on_save or ()),
            versions=hook_versions(self),
        )
        self.config.validate()
        code = collect_code(type(self), type(self.config))
        names = dict(self.named_parameters(remove_duplicate=False))
        written = [tensor for name, tensor in savable.tensors.items() if name in names]
        dtype = next((tensor.dtype for tensor in [*written, *names.values()] if tensor.is_floating_point()), None)

        with staged_save(save_directory, stale=lambda name: is_weights_name(name, variant)) as folder:
            self.config.write_to(
                folder,
                architectures=[type(self).__name__],
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
                **options,
            )

    def push_to_hub(
        self,
        repo_id: str,
        *,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        max_shard_size: int | str = "50GB",
        variant: str | None = None,
        **options: Any,
    ) -> Any:
        """Save into a temporary folder and upload that to a hub in one commit.

        Args:
            repo_id: Repository as `owner/name`, or `name` for the token's own account; made if missing.
            state_dict: As for `save_pretrained`.
            max_shard_size: As for `save_pretrained`.
            variant: As for `save_pretrained`.
            **options: `commit_message`, `commit_description`, `private`, `token`, `revision`, `create_pr`, and `tags`,
                which are added to `model_tags`.

        Returns:
            What the hub answers: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

        Raises:
            MissingServiceError: `pretrained-hub-io` is not installed.
        """
        tags = [*(self.model_tags or ()), *(options.pop("tags", None) or ())]
        if tags:
            options["tags"] = tags
        return push_saved(
            lambda folder: self.save_pretrained(
                folder, state_dict=state_dict, max_shard_size=max_shard_size, variant=variant
            ),
            repo_id,
            **options,
        )

    @classmethod
    def register_for_auto_class(cls, auto_class: str | type[Any] = "AutoModel") -> None:
        """Let saves write the source files of this class, for an auto class to load.

        Args:
            auto_class: Name of the auto class, such as `"AutoModelForImageClassification"`, or the class itself. One of
                the program's own is given as a class.

        Raises:
            AutoClassNameError: There is no auto class of this name.
        """
        register_for_auto_class(cls, auto_class)

    def add_model_tags(self, tags: str | Iterable[str]) -> None:
        """Add tags that uploads put into the model card; those that are there stay once."""
        added = [tags] if isinstance(tags, str) else list(tags)
        self.model_tags = list(dict.fromkeys([*(self.model_tags or ()), *added]))

    # Initialisation and ties

    def post_init(self) -> None:
        """Run the author's own `_init_weights`, if any, and make the declared ties. Calling this is never needed."""
        self.init_weights()

    def init_weights(self) -> None:
        """Call the author's `_init_weights(module)` on the modules that are the author's, then make the declared ties.

        Parts that another package made, and models inside this one, are left as they are; see `initialization`.
        """
        hook = getattr(self, "_init_weights", None)
        if hook is not None:
            for module in list(modules_to_initialize(self, boundary=PreTrainedModel)):
                with torch.no_grad():
                    hook(module)
        self.tie_weights()

    def tie_weights(self) -> None:
        """Make the ties that `_tied_weights_keys` declares.

        Raises:
            ModelDefinitionError: A declaration names no tensor, or two of different shapes.
        """
        tie_declared(self)

    # What it is

    @property
    def base_model(self) -> nn.Module:
        """The inner model that `base_model_prefix` names, or the model itself."""
        inner = getattr(self, self.base_model_prefix, None) if self.base_model_prefix else None
        return inner if isinstance(inner, nn.Module) else self

    @property
    def name_or_path(self) -> str:
        """Where the model was loaded from, `""` for one that was made by hand."""
        return self.config.name_or_path


def _check_constructed(model: PreTrainedModel) -> None:
    """Refuse a model whose constructor left out that of the base class."""
    if not isinstance(vars(model).get("config"), PretrainedConfig):
        raise ModelDefinitionError(
            "it has no config. Call super().__init__(config) as the first line of its __init__.",
            model_class=type(model),
        )


def _check_values(model_class: type, named: NamedTensors) -> None:
    """Refuse a model that was built without memory: what no checkpoint supplies would stay without values."""
    if any(tensor.is_meta for tensors in (named.persistent, named.others) for tensor in tensors.values()):
        raise ModelDefinitionError(
            "its constructor left tensors on the meta device. Load it outside of torch.device('meta'): from_pretrained "
            "does not pay for values that the checkpoint replaces anyway.",
            model_class=model_class,
        )
