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
    """Models without a head, which return features."""


class AutoBackbone(AutoModelClass):
    """Models that return the feature maps of several stages, for a larger model to build on."""


class AutoModelForPreTraining(AutoModelClass):
    """Models with the heads that they were pretrained with."""


# Text


class AutoModelForCausalLM(AutoModelClass):
    """Models that continue a text, token by token."""


class AutoModelForMaskedLM(AutoModelClass):
    """Models that fill in masked tokens of a text."""


class AutoModelForMultipleChoice(AutoModelClass):
    """Models that choose one of several given answers."""


class AutoModelForNextSentencePrediction(AutoModelClass):
    """Models that predict whether one sentence follows another."""


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
    """Models that estimate the depth of each pixel."""


class AutoModelForImageClassification(AutoModelClass):
    """Models that label an image as a whole."""


class AutoModelForImageMatting(AutoModelClass):
    """Models that separate foreground from background with soft edges."""


class AutoModelForImageSegmentation(AutoModelClass):
    """Models that divide an image into regions: semantic, instance or panoptic segmentation."""


class AutoModelForImageToImage(AutoModelClass):
    """Models that turn one image into another: larger, cleaner, in another style."""


class AutoModelForInstanceSegmentation(AutoModelClass):
    """Models that outline each object of an image."""


class AutoModelForKeypointDetection(AutoModelClass):
    """Models that find points of an image that can be matched in other images."""


class AutoModelForKeypointMatching(AutoModelClass):
    """Models that match the keypoints of two images."""


class AutoModelForMaskGeneration(AutoModelClass):
    """Models that outline what a prompt, such as a point or a box, selects."""


class AutoModelForMaskedImageModeling(AutoModelClass):
    """Models that fill in masked patches of an image."""


class AutoModelForNormalEstimation(AutoModelClass):
    """Models that estimate the surface normal at each pixel."""


class AutoModelForObjectDetection(AutoModelClass):
    """Models that find objects of known classes, and the boxes around them."""


class AutoModelForPointmapEstimation(AutoModelClass):
    """Models that estimate the position in space of each pixel."""


class AutoModelForPoseEstimation(AutoModelClass):
    """Models that find the keypoints of a body."""


class AutoModelForSemanticSegmentation(AutoModelClass):
    """Models that label each pixel with a class."""


class AutoModelForUniversalSegmentation(AutoModelClass):
    """Models for semantic, instance and panoptic segmentation."""


class AutoModelForVideoClassification(AutoModelClass):
    """Models that label a video as a whole."""


class AutoModelForZeroShotImageClassification(AutoModelClass):
    """Models that classify an image with labels that are given as text in the call."""


class AutoModelForZeroShotObjectDetection(AutoModelClass):
    """Models that find objects that are described as text in the call."""


# Several kinds of input


class AutoModelForDocumentQuestionAnswering(AutoModelClass):
    """Models that answer a question about a scanned document."""


class AutoModelForImageTextToText(AutoModelClass):
    """Models that generate a text from images and a text."""


class AutoModelForMultimodalLM(AutoModelClass):
    """Models that generate a text from text, images, audio and video."""


class AutoModelForTableRecognition(AutoModelClass):
    """Models that read the structure of a table in an image."""


class AutoModelForTextRecognition(AutoModelClass):
    """Models that read the text in an image."""


class AutoModelForVision2Seq(AutoModelClass):
    """Models that generate a text from an image; the older name of image-text-to-text."""


class AutoModelForVisualQuestionAnswering(AutoModelClass):
    """Models that answer a question about an image."""


# Sound, measurements and actions


class AutoModelForAudioClassification(AutoModelClass):
    """Models that label a recording as a whole."""


class AutoModelForAudioFrameClassification(AutoModelClass):
    """Models that label each frame of a recording, such as who speaks when."""


class AutoModelForAudioTokenization(AutoModelClass):
    """Models that turn a recording into discrete tokens and back."""


class AutoModelForAudioXVector(AutoModelClass):
    """Models that turn a recording into one vector that identifies the speaker."""


class AutoModelForCTC(AutoModelClass):
    """Models that transcribe speech with connectionist temporal classification."""


class AutoModelForRNNT(AutoModelClass):
    """Models that transcribe speech with a recurrent transducer."""


class AutoModelForSpeechSeq2Seq(AutoModelClass):
    """Models that transcribe or translate speech, token by token."""


class AutoModelForTDT(AutoModelClass):
    """Models that transcribe speech with a token-and-duration transducer."""


class AutoModelForTextToSpectrogram(AutoModelClass):
    """Models that turn a text into the spectrogram of speech."""


class AutoModelForTextToWaveform(AutoModelClass):
    """Models that turn a text into an audio waveform."""


class AutoModelForDecision(AutoModelClass):
    """Models that choose the next action from what happened before."""


class AutoModelForTimeSeriesPrediction(AutoModelClass):
    """Models that predict the next values of a time series."""


# The names that `register_for_auto_class` accepts: the entry point `config_core.auto_classes`.
AUTO_CLASS_NAMES = ("AutoConfig", *(name for name in __all__ if name.startswith("Auto")))


def loadable_names(auto_map: Mapping[str, Any]) -> frozenset[str]:
    """Return the names in an `auto_map` that are Auto classes here. Other libraries load the rest, e.g. tokenizers."""
    return frozenset(auto_map).intersection(AUTO_CLASS_NAMES)
