"""`PretrainedConfig` for configs that were written for transformers 4 and 5."""

from __future__ import annotations

import copy
import sys
from typing import Any, ClassVar, Final, Literal

from config_core.config import PretrainedConfig as OwnConfig
from config_core.config import has_written_init
from config_core.transformers_names._rope_settings import RopeSettings
from config_core.transformers_names._small_names import layer_type_validation
from config_core.transformers_names._sub_config_spec import OLD_BACKBONE_FIELDS, SubConfigSpec

__all__ = ["PretrainedConfig"]

# Fields that base configs of transformers 4 had, which code reads without its own config setting them.
_FALLBACKS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        (
            "bos_token_id", "pad_token_id", "eos_token_id", "sep_token_id", "decoder_start_token_id",
            "cross_attention_hidden_size", "finetuning_task", "task_specific_params", "tokenizer_class", "prefix",
            "transformers_version", "_commit_hash", "_attn_implementation_internal",
        )
    ),
    **dict.fromkeys(
        (
            "torchscript", "use_bfloat16", "is_decoder", "add_cross_attention", "tie_encoder_decoder",
            "_attn_implementation_autoset",
        ),
        False,
    ),
    "use_cache": True,
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "pruned_heads": {},
    "_attn_implementation": "eager",
    "_experts_implementation": "eager",
    # Settings of text generation. They are in files of version 4; version 5 has moved them to another file.
    **dict.fromkeys(
        (
            "bad_words_ids", "begin_suppress_tokens", "exponential_decay_length_penalty", "forced_bos_token_id",
            "forced_eos_token_id", "suppress_tokens",
        )
    ),
    **dict.fromkeys(
        (
            "do_sample", "early_stopping", "output_scores", "remove_invalid_values", "return_dict_in_generate",
            "tf_legacy_loss",
        ),
        False,
    ),
    **dict.fromkeys(("num_beams", "num_beam_groups", "num_return_sequences"), 1),
    **dict.fromkeys(("min_length", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"), 0),
    **dict.fromkeys(("temperature", "top_p", "typical_p", "repetition_penalty", "length_penalty"), 1.0),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff", "diversity_penalty"), 0.0),
    "max_length": 20,
    "top_k": 50,
}  # fmt: skip


class PretrainedConfig(RopeSettings, OwnConfig):
    """The base class that configs of transformers find here: `config_core.PretrainedConfig` with less strictness.

    Unknown keywords are kept without a warning, and annotations are not checked, because the code was written for a
    base class that does neither. If a load would fail or lose values, a save warns and is not refused. Base fields of
    transformers 4 that a config does not set are read as their defaults there, and never written to a file.
    """

    _extra_fields: ClassVar[Literal["warn", "keep", "forbid"]] = "keep"
    _checks_values: ClassVar[bool] = False

    is_composition: ClassVar[bool] = False
    has_no_defaults_at_init: ClassVar[bool] = False
    keys_to_ignore_at_inference: ClassVar[list[str]] = []
    base_config_key: ClassVar[str] = ""
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "sub_configs" in cls.__dict__:
            cls.sub_configs = {}  # these configs make their parts themselves, and expect dicts
        if (specs := cls.__dict__.get("sub_configs_defaults")) is not None:
            cls.sub_configs_defaults = {name: SubConfigSpec.of(spec, cls) for name, spec in specs.items()}
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs: Any) -> None:
        names = kwargs.get("id2label")
        if names is not None and kwargs.get("num_labels") not in {None, len(names)}:
            del kwargs["num_labels"]  # usually a default that the config passes on
        vars(self).pop("_attn_implementation", None)  # as there, setting it earlier has no effect
        if kwargs.get("attn_implementation") is not None:
            kwargs["_attn_implementation"] = kwargs["attn_implementation"]
        kwargs.pop("attn_implementation", None)
        super().__init__(**self._with_rope_parameters(self._with_parts(kwargs)))

    def __post_init__(self, **kwargs: Any) -> None:
        """Complete the fields of a class that has them in its body. Other keywords become attributes."""
        if "_extra" not in vars(self):  # `strict(accept_kwargs=True)` sets the fields, and calls no other `__init__`
            PretrainedConfig.__init__(self, **kwargs)
            return
        super().__post_init__(**self._with_rope_parameters(self._with_parts(kwargs)))

    def _with_parts(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Make the parts in `sub_configs_defaults`, and return the keywords that are left.

        A class with fields in its body sets them later: then `__post_init__` calls this again.
        """
        kwargs = {**vars(self).pop("_backbone_kwargs", {}), **kwargs}
        for name, spec in type(self).sub_configs_defaults.items():
            if name in vars(self):
                part = vars(self)[name]
                if part is not None or not spec.optional:
                    part, kwargs = spec.create_subconfig(name, part, **kwargs)
                    setattr(self, name, part)
            elif name == "backbone_config":
                names = OLD_BACKBONE_FIELDS & kwargs.keys()
                vars(self)["_backbone_kwargs"] = {name: kwargs.pop(name) for name in names}
        return kwargs

    def __getattr__(self, name: str) -> Any:
        """Return a base field of transformers 4 that is not set."""
        kept = vars(self).get("_extra", {})
        if name in kept:  # private names in a file, such as `_attn_implementation`
            return kept[name]
        if name in _FALLBACKS and not (name == "tie_word_embeddings" and _is_of_version_5(type(self))):
            return copy.copy(_FALLBACKS[name])
        field = type(self).attribute_map.get(name)
        meant = f": attribute_map makes it an alias of {field!r}, which the config does not have" if field else ""
        message = f"{type(self).__name__!r} object has no attribute {name!r}{meant}"
        raise AttributeError(message, name=name, obj=self)

    def validate(self) -> None:
        """Check the labels. `huggingface_hub.dataclasses.strict` replaces this in the classes that it decorates."""
        super().validate()

    # It refuses to replace any other method.
    setattr(validate, "__is_defined_by_strict_decorator__", True)  # noqa: B010

    # What `strict` checks besides the types of fields. Classes extend these.

    def validate_architecture(self) -> None:
        """Check that the size of the embeddings is that of all heads together.

        Raises:
            ValueError: It is not.
        """
        size, heads, head = (getattr(self, name, None) for name in ("embed_dim", "num_heads", "head_dim"))
        if size is not None and heads is not None and head is not None and heads * head != size:
            raise ValueError(f"embed_dim must be num_heads * head_dim, got {size} for {heads} heads of {head}.")

    def validate_layer_type(self) -> None:
        """Check that there is a kind for each layer.

        Raises:
            ValueError: There are more or fewer.
        """
        if (kinds := getattr(self, "layer_types", None)) is not None:
            layer_type_validation(kinds, getattr(self, "num_hidden_layers", None))

    def validate_token_ids(self) -> None:
        """Check nothing: tokens outside of the vocabulary are no error."""

    def validate_output_attentions(self) -> None:
        """Check nothing: attention without weights to return returns none."""

    @property
    def use_return_dict(self) -> bool:  # type: ignore[override]  # there, it gives way to a field
        """Whether models return objects with named outputs."""
        return bool(self.return_dict and not self.torchscript)

    @property
    def torch_dtype(self) -> Any:
        """The dtype of the weights: a `torch.dtype` in programs that use torch, else its name; None if not known."""
        torch = sys.modules.get("torch")
        return self.dtype if torch is None or self.dtype is None else getattr(torch, self.dtype, self.dtype)

    @torch_dtype.setter
    def torch_dtype(self, value: Any) -> None:
        self.dtype = value

    def get_text_config(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the config of the text part of a composite config, or the config itself."""
        for name in ("text_config", "decoder", "generator", "text_encoder"):
            part = vars(self).get(name)
            if isinstance(part, OwnConfig):
                return part
        return self

    @classmethod
    def _set_token_in_kwargs(cls, kwargs: dict[str, Any], token: Any = None) -> None:
        """Rename the keyword `use_auth_token`, as configs with a `from_pretrained` of their own do."""
        old = kwargs.pop("use_auth_token", None)
        given = token if token is not None else kwargs.pop("token", None)
        if (used := given if given is not None else old) is not None:
            kwargs["token"] = used

    def dict_torch_dtype_to_str(self, values: dict[str, Any]) -> None:
        """Replace dtypes in a dict by their names, in place."""
        for name, value in values.items():
            if isinstance(value, dict):
                self.dict_torch_dtype_to_str(value)
            elif type(value).__module__ == "torch" and type(value).__name__ == "dtype":
                values[name] = str(value).removeprefix("torch.")

    dict_dtype_to_str = dict_torch_dtype_to_str


def _is_of_version_5(cls: type[Any]) -> bool:
    """Return whether a class has its fields in its body, as those of transformers 5: there, no base class ties."""
    return not any(has_written_init(base) for base in cls.__mro__[: cls.__mro__.index(PretrainedConfig)])
