"""What models written for transformers return: `ModelOutput`, and its subclasses, made from a table of their fields."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from model_core.torch_internals import register_output_class

__all__ = ["OUTPUT_CLASSES", "ModelOutput"]


class ModelOutput(OrderedDict[str, Any]):
    """Base class of outputs, whose subclasses are dataclasses.

    A field can be read as an attribute, by its name as a key, and by its number. Keys, numbers and `to_tuple()` leave
    out the fields that are None. A first field that is a dict, or a list of pairs, gives the other fields, if
    those are None.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_output_class(cls, _flatten, lambda values, names: cls(**dict(zip(names, values, strict=True))))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if type(self) is not ModelOutput and not dataclasses.is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass. Put @dataclass above the class.")

    def __post_init__(self) -> None:
        """Make keys of the fields that are not None. `@dataclass` calls this."""
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        if not names:
            raise ValueError(f"{type(self).__name__} has no fields.")
        first = getattr(self, names[0])
        rest_is_none = all(getattr(self, name) is None for name in names[1:])
        pairs = _pairs(first) if rest_is_none else None
        if pairs is None:
            for name in names:
                if getattr(self, name) is not None:
                    super().__setitem__(name, getattr(self, name))
            return
        setattr(self, names[0], None)
        for name, value in pairs:
            setattr(self, name, value)
            if value is not None:
                super().__setitem__(name, value)

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the values that are not None."""
        return tuple(self[name] for name in self)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError(f"A field of {type(self).__name__} cannot be deleted.")

    def setdefault(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: an output has the fields of its class."""
        raise TypeError(f"{type(self).__name__} has no setdefault().")

    def pop(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: a field cannot be deleted."""
        raise TypeError(f"A field of {type(self).__name__} cannot be deleted.")

    def update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: assign the fields one by one."""
        raise TypeError(f"{type(self).__name__} has no update(). Assign its fields.")

    def __reduce__(self) -> Any:
        if not dataclasses.is_dataclass(self):
            return super().__reduce__()
        return _restored, (type(self), {field.name: getattr(self, field.name) for field in dataclasses.fields(self)})


def _pairs(first: Any) -> list[tuple[str, Any]] | None:
    """Return the names and values in a first field that gives all fields, or None."""
    if isinstance(first, Mapping):
        return list(first.items())
    if not isinstance(first, (list, tuple)) or not first or not all(map(_is_pair, first)):
        return None
    return [(name, value) for name, value in first]


def _is_pair(item: object) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str)  # noqa: PLR2004


def _restored(cls: type[Any], fields: dict[str, Any]) -> Any:
    return cls(**fields)


def _flatten(output: Any) -> tuple[list[Any], list[str]]:
    return list(output.values()), list(output.keys())


# Where this module's classes are found by name, as `pickle` does.
_HOME: Final = "model_core.transformers_names"
_USUAL: Final = "hidden_states attentions"
_DECODER: Final = (
    "past_key_values decoder_hidden_states decoder_attentions cross_attentions encoder_last_hidden_state "
    "encoder_hidden_states encoder_attentions"
)
_FIELDS: Final = {
    "BackboneOutput": f"feature_maps {_USUAL}",
    "BaseModelOutput": f"last_hidden_state {_USUAL}",
    "BaseModelOutputWithCrossAttentions": f"last_hidden_state {_USUAL} cross_attentions",
    "BaseModelOutputWithNoAttention": "last_hidden_state hidden_states",
    "BaseModelOutputWithPast": f"last_hidden_state past_key_values {_USUAL}",
    "BaseModelOutputWithPastAndCrossAttentions": f"last_hidden_state past_key_values {_USUAL} cross_attentions",
    "BaseModelOutputWithPooling": f"last_hidden_state pooler_output {_USUAL}",
    "BaseModelOutputWithPoolingAndCrossAttentions": (
        "last_hidden_state pooler_output hidden_states past_key_values attentions cross_attentions"
    ),
    "BaseModelOutputWithPoolingAndNoAttention": "last_hidden_state pooler_output hidden_states",
    "BaseModelOutputWithPoolingAndProjection": f"last_hidden_state pooler_output {_USUAL} projection_state",
    "CausalLMOutput": f"loss logits {_USUAL}",
    "CausalLMOutputWithCrossAttentions": f"loss logits past_key_values {_USUAL} cross_attentions",
    "CausalLMOutputWithPast": f"loss logits past_key_values {_USUAL}",
    "DepthEstimatorOutput": f"loss predicted_depth {_USUAL}",
    "ImageClassifierOutput": f"loss logits {_USUAL}",
    "ImageClassifierOutputWithNoAttention": "loss logits hidden_states",
    "ImageSuperResolutionOutput": f"loss reconstruction {_USUAL}",
    "MaskedImageCompletionOutput": f"loss reconstruction {_USUAL}",
    "MaskedImageModelingOutput": f"loss reconstruction {_USUAL}",
    "MaskedLMOutput": f"loss logits {_USUAL}",
    "MoECausalLMOutputWithPast": f"loss logits past_key_values {_USUAL} z_loss aux_loss router_logits",
    "MoEModelOutput": f"last_hidden_state {_USUAL} router_probs router_logits",
    "MoEModelOutputWithPastAndCrossAttentions": (
        f"last_hidden_state past_key_values {_USUAL} cross_attentions router_probs router_logits"
    ),
    "MoeCausalLMOutputWithPast": f"loss aux_loss logits past_key_values {_USUAL} router_logits",
    "MoeModelOutputWithPast": f"last_hidden_state past_key_values {_USUAL} router_logits",
    "MultipleChoiceModelOutput": f"loss logits {_USUAL}",
    "NextSentencePredictorOutput": f"loss logits {_USUAL}",
    "QuestionAnsweringModelOutput": f"loss start_logits end_logits {_USUAL}",
    "SampleTSPredictionOutput": "sequences",
    "SemanticSegmenterOutput": f"loss logits {_USUAL}",
    "Seq2SeqLMOutput": f"loss logits {_DECODER}",
    "Seq2SeqMoEModelOutput": (
        "last_hidden_state past_key_values decoder_hidden_states decoder_attentions decoder_router_logits "
        "cross_attentions encoder_last_hidden_state encoder_hidden_states encoder_attentions "
        "encoder_router_logits"
    ),
    "Seq2SeqMoEOutput": (
        "loss logits encoder_z_loss decoder_z_loss encoder_aux_loss decoder_aux_loss past_key_values "
        "decoder_hidden_states decoder_attentions decoder_router_logits cross_attentions "
        "encoder_last_hidden_state encoder_hidden_states encoder_attentions encoder_router_logits"
    ),
    "Seq2SeqModelOutput": f"last_hidden_state {_DECODER}",
    "Seq2SeqQuestionAnsweringModelOutput": f"loss start_logits end_logits {_DECODER}",
    "Seq2SeqSequenceClassifierOutput": f"loss logits {_DECODER}",
    "Seq2SeqSpectrogramOutput": f"loss spectrogram {_DECODER}",
    "Seq2SeqTSModelOutput": f"last_hidden_state {_DECODER} loc scale static_features",
    "Seq2SeqTSPredictionOutput": f"loss params {_DECODER} loc scale static_features",
    "SequenceClassifierOutput": f"loss logits {_USUAL}",
    "SequenceClassifierOutputWithPast": f"loss logits past_key_values {_USUAL}",
    "TokenClassifierOutput": f"loss logits {_USUAL}",
    "Wav2Vec2BaseModelOutput": f"last_hidden_state extract_features {_USUAL}",
    "XVectorOutput": f"loss logits embeddings {_USUAL}",
}


def _output_class(name: str, fields: list[str]) -> type[ModelOutput]:
    namespace = {"__doc__": f"Output with the fields {', '.join(fields)}."}
    attributes = [(field, Any, dataclasses.field(default=None)) for field in fields]
    made = dataclasses.make_dataclass(name, attributes, bases=(ModelOutput,), namespace=namespace, eq=False)
    made.__module__ = _HOME  # since Python 3.12, make_dataclass puts the caller's there, whatever the namespace says
    return cast("type[ModelOutput]", made)


OUTPUT_CLASSES: Final = {name: _output_class(name, fields.split()) for name, fields in _FIELDS.items()}
