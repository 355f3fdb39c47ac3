"""Which library's config file one is, by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["file_kind"]

# What a library's files have: all keys of a line, and the key whose value says more.
_KINDS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("diffusers", "a config of diffusers", ("_class_name", "_diffusers_version"), "_class_name"),
    ("peft", "the config of a PEFT adapter", ("peft_type",), "peft_type"),
    ("timm", "a config of timm", ("architecture", "pretrained_cfg"), "architecture"),
    ("timm", "a config of timm", ("architecture", "num_features"), "architecture"),
    ("open_clip", "a config of open_clip", ("model_cfg",), ""),
    ("sentence-transformers", "a config of sentence-transformers", ("word_embedding_dimension",), ""),
    ("sentence-transformers", "a config of sentence-transformers", ("max_seq_length", "do_lower_case"), ""),
    ("sentence-transformers", "a config of sentence-transformers", ("__version__", "prompts"), ""),
    ("keras", "a config of Keras", ("class_name", "config"), "class_name"),
    ("preprocessor", "the config of an image processor", ("image_processor_type",), "image_processor_type"),
    ("preprocessor", "the config of a feature extractor", ("feature_extractor_type",), "feature_extractor_type"),
    ("processor", "the config of a processor", ("processor_class",), "processor_class"),
    ("tokenizer", "the config of a tokenizer", ("tokenizer_class",), "tokenizer_class"),
    ("tokenizer", "a tokenizer", ("added_tokens", "pre_tokenizer"), ""),
    ("weights", "the index of weight files", ("weight_map",), ""),
    ("trainer", "the state of a training", ("global_step", "log_history"), ""),
    ("deepspeed", "a config of DeepSpeed", ("zero_optimization",), ""),
    ("speechbrain", "a config of SpeechBrain", ("speechbrain_interface",), "speechbrain_interface"),
    ("generation", "a generation config", ("_from_model_config",), ""),
)


def file_kind(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return which library's file it is by its keys, as a word and in words; two empty strings if that is not known."""
    for kind, description, keys, name in _KINDS:
        if all(key in values for key in keys):
            what = values.get(name)
            return kind, f"{description}, {what!r:.80}" if isinstance(what, str) else description
    model_type = values.get("model_type")
    return (
        ("", f"a config with the model_type {model_type!r:.80}")
        if model_type and isinstance(model_type, str)
        else ("", "")
    )
