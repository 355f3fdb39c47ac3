"""The Auto classes for models, one per task.

They differ only in their names, which are the keys of registrations, entry points and `auto_map`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auto_registry.auto_model import AutoModelClass

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AUTO_CLASS_NAMES",
    "AutoBackbone",
    "AutoModel",
    "AutoModelForAudioClassification",
    "AutoModelForAudioFrameClassification",
    "AutoModelForAudioTokenization",
    "AutoModelForAudioXVector",
    "AutoModelForCTC",
    "AutoModelForCausalLM",
    "AutoModelForDecision",
    "AutoModelForDepthEstimation",
    "AutoModelForDocumentQuestionAnswering",
    "AutoModelForImageClassification",
    "AutoModelForImageMatting",
    "AutoModelForImageSegmentation",
    "AutoModelForImageTextToText",
    "AutoModelForImageToImage",
    "AutoModelForInstanceSegmentation",
    "AutoModelForKeypointDetection",
    "AutoModelForKeypointMatching",
    "AutoModelForMaskGeneration",
    "AutoModelForMaskedImageModeling",
    "AutoModelForMaskedLM",
    "AutoModelForMultimodalLM",
    "AutoModelForMultipleChoice",
    "AutoModelForNextSentencePrediction",
    "AutoModelForNormalEstimation",
    "AutoModelForObjectDetection",
    "AutoModelForPointmapEstimation",
    "AutoModelForPoseEstimation",
    "AutoModelForPreTraining",
    "AutoModelForQuestionAnswering",
    "AutoModelForRNNT",
    "AutoModelForSemanticSegmentation",
    "AutoModelForSeq2SeqLM",
    "AutoModelForSequenceClassification",
    "AutoModelForSpeechSeq2Seq",
    "AutoModelForTDT",
    "AutoModelForTableQuestionAnswering",
    "AutoModelForTableRecognition",
    "AutoModelForTextEncoding",
    "AutoModelForTextRecognition",
    "AutoModelForTextToSpectrogram",
    "AutoModelForTextToWaveform",
    "AutoModelForTimeSeriesPrediction",
    "AutoModelForTokenClassification",
    "AutoModelForUniversalSegmentation",
    "AutoModelForVideoClassification",
    "AutoModelForVision2Seq",
    "AutoModelForVisualQuestionAnswering",
    "AutoModelForZeroShotImageClassification",
    "AutoModelForZeroShotObjectDetection",
    "loadable_names",
]


class AutoModel(AutoModelClass):
    """Models without a head: features of any input."""


class AutoBackbone(AutoModelClass):
    """Models that return the feature maps of several stages, for a larger model to build on."""


class AutoModelForPreTraining(AutoModelClass):
    """Models with the heads that they were pretrained with."""


# Text


class AutoModelForCausalLM(AutoModelClass):
    """Models that continue a text, token after token."""


class AutoModelForMaskedLM(AutoModelClass):
    """Models that fill in masked tokens of a text."""


class AutoModelForMultipleChoice(AutoModelClass):
    """Models that choose one of several given answers."""


class AutoModelForNextSentencePrediction(AutoModelClass):
    """Models that tell whether one sentence follows another."""


class AutoModelForQuestionAnswering(AutoModelClass):
    """Models that find the answer to a question as a span of a text."""


class AutoModelForSeq2SeqLM(AutoModelClass):
    """Models that turn one text into another: translation, summaries."""


class AutoModelForSequenceClassification(AutoModelClass):
    """Models that label a text as a whole."""


class AutoModelForTableQuestionAnswering(AutoModelClass):
    """Models that find the answer to a question in the cells of a table."""


class AutoModelForTextEncoding(AutoModelClass):
    """Models that turn a text into vectors: the encoder half of a sequence-to-sequence model."""


class AutoModelForTokenClassification(AutoModelClass):
    """Models that label each token of a text."""


# Images and video


class AutoModelForDepthEstimation(AutoModelClass):
    """Models that give the distance of each pixel."""


class AutoModelForImageClassification(AutoModelClass):
    """Models that label an image as a whole."""


class AutoModelForImageMatting(AutoModelClass):
    """Models that separate foreground from background with soft edges."""


class AutoModelForImageSegmentation(AutoModelClass):
    """Models that divide an image into regions, of whatever kind."""


class AutoModelForImageToImage(AutoModelClass):
    """Models that turn one image into another: larger, cleaner, in another style."""


class AutoModelForInstanceSegmentation(AutoModelClass):
    """Models that outline each object of an image."""


class AutoModelForKeypointDetection(AutoModelClass):
    """Models that find points that can be found again in another image."""


class AutoModelForKeypointMatching(AutoModelClass):
    """Models that pair the points of two images."""


class AutoModelForMaskGeneration(AutoModelClass):
    """Models that outline what a prompt, such as a point or a box, points at."""


class AutoModelForMaskedImageModeling(AutoModelClass):
    """Models that fill in masked patches of an image."""


class AutoModelForNormalEstimation(AutoModelClass):
    """Models that give the direction each pixel's surface faces."""


class AutoModelForObjectDetection(AutoModelClass):
    """Models that find objects of known kinds and the boxes around them."""


class AutoModelForPointmapEstimation(AutoModelClass):
    """Models that give the place in space of each pixel."""


class AutoModelForPoseEstimation(AutoModelClass):
    """Models that find the joints of a body."""


class AutoModelForSemanticSegmentation(AutoModelClass):
    """Models that label each pixel with a kind."""


class AutoModelForUniversalSegmentation(AutoModelClass):
    """Models that do semantic, instance and panoptic segmentation alike."""


class AutoModelForVideoClassification(AutoModelClass):
    """Models that label a video as a whole."""


class AutoModelForZeroShotImageClassification(AutoModelClass):
    """Models that label an image with labels given at the time as text."""


class AutoModelForZeroShotObjectDetection(AutoModelClass):
    """Models that find objects described at the time as text."""


# Several kinds of input


class AutoModelForDocumentQuestionAnswering(AutoModelClass):
    """Models that answer a question about a scanned document."""


class AutoModelForImageTextToText(AutoModelClass):
    """Models that write a text about images and a text."""


class AutoModelForMultimodalLM(AutoModelClass):
    """Models that write a text about text, images, audio or video together."""


class AutoModelForTableRecognition(AutoModelClass):
    """Models that read the structure of a table in an image."""


class AutoModelForTextRecognition(AutoModelClass):
    """Models that read the text in an image."""


class AutoModelForVision2Seq(AutoModelClass):
    """Models that write a text about an image; the older name of image-text-to-text."""


class AutoModelForVisualQuestionAnswering(AutoModelClass):
    """Models that answer a question about an image."""


# Sound, measurements and actions


class AutoModelForAudioClassification(AutoModelClass):
    """Models that label a recording as a whole."""


class AutoModelForAudioFrameClassification(AutoModelClass):
    """Models that label each moment of a recording: who speaks when."""


class AutoModelForAudioTokenization(AutoModelClass):
    """Models that turn a recording into discrete tokens and back."""


class AutoModelForAudioXVector(AutoModelClass):
    """Models that turn a recording into one vector that tells speakers apart."""


class AutoModelForCTC(AutoModelClass):
    """Models that write down speech with connectionist temporal classification."""


class AutoModelForRNNT(AutoModelClass):
    """Models that write down speech with a recurrent transducer."""


class AutoModelForSpeechSeq2Seq(AutoModelClass):
    """Models that write down or translate speech, token after token."""


class AutoModelForTDT(AutoModelClass):
    """Models that write down speech with a token-and-duration transducer."""


class AutoModelForTextToSpectrogram(AutoModelClass):
    """Models that turn a text into the spectrogram of speech."""


class AutoModelForTextToWaveform(AutoModelClass):
    """Models that turn a text into sound."""


class AutoModelForDecision(AutoModelClass):
    """Models that choose the next action from what happened before."""


class AutoModelForTimeSeriesPrediction(AutoModelClass):
    """Models that continue a series of measurements."""


# The names that `register_for_auto_class` accepts: the entry point `config_core.auto_classes`.
AUTO_CLASS_NAMES = ("AutoConfig", *(name for name in __all__ if name.startswith("Auto")))


def loadable_names(auto_map: Mapping[str, Any]) -> frozenset[str]:
    """Return the names in an `auto_map` that are Auto classes here. Other libraries load the rest, e.g. tokenizers."""
    return frozenset(auto_map).intersection(AUTO_CLASS_NAMES)
