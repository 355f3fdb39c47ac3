"""The output classes of `transformers.modeling_outputs`, made from a table of their fields."""

from __future__ import annotations

import dataclasses
from typing import Any, Final, cast

from model_core.transformers_names._model_output import ModelOutput

__all__ = ["OUTPUT_CLASSES"]

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
