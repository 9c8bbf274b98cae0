"""Evaluator: candidate and baseline answer the evaluation images, and the gate judges the answers."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.baseline import COMPARED_PROPERTY, get_version
from components.data_validator import DataValidation
from components.features import COUNTS_PROPERTY, EVAL_SPLIT, IMAGE_KEY, LABEL_KEY, SIGNATURE
from components.gate.answer_counts import BASELINE, CANDIDATE, AnswerCounts, add_counts, build_answers, count_answers
from components.gate.answers import ANSWERS_FILE, read_answers, write_answers
from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, Check, get_failures, read_checks, write_checks
from components.gate.model_checks import Bounds, check_baseline, check_evaluated_images, check_model
from components.images.schema import get_class_names, get_image_shape, read_schema
from components.serving.baseline_choice import VERSION_PROPERTY
from components.serving.baseline_model import find_obstacle

_BATCH = 1_000
# Names that TFX's own stages read.
_BLESSED_PROPERTY, _BLESSED_FILE, _NOT_BLESSED_FILE = "blessed", "BLESSED", "NOT_BLESSED"


@component(use_beam=True)
def GatedEvaluator(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    validation: InputArtifact[DataValidation],
    model: InputArtifact[standard_artifacts.Model],
    baseline_model: InputArtifact[standard_artifacts.Model],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    options: Parameter[dict[str, Any]],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Hold a candidate against its bounds and against the baseline, of which an empty one is none, and bless it or not.

    Args:
        examples: The images; those of the split `eval` are answered.
        schema: Image size and class names.
        validation: The checks of the data, which stand in `gate.json` before those of the model.
        model: The candidate.
        baseline_model: What it is compared with.
        evaluation: Gets TFMA's metrics, `answers.json` and `gate.json`.
        blessing: Gets the verdict.
        options: The fields of Bounds, and `accept_new_baseline`: whether to go on where there can be no comparison.
        beam_pipeline: Counts the answers, in one pass.

    Raises:
        RuntimeError: TFMA's verdict on the floors is another than ours.
    """
    # With it comes TFMA, which takes its time and is used by this stage alone.
    from components.gate.tfma_metrics import make_eval_config

    curated = read_schema(f"{schema.uri}/schema.pbtxt")
    image_shape, class_names = get_image_shape(curated), get_class_names(curated)
    files = sorted(Path(examples.uri, f"Split-{EVAL_SPLIT}").iterdir())

    models = {CANDIDATE: path_utils.serving_model_path(model.uri)}
    version = get_version(baseline_model, VERSION_PROPERTY)
    baseline_path = path_utils.serving_model_path(baseline_model.uri)
    obstacle = "" if version is None else find_obstacle(Path(baseline_path), files[0], class_names)
    if version is not None and not obstacle:
        models[BASELINE] = baseline_path
    bounds = Bounds(**{field.name: options[field.name] for field in fields(Bounds)})
    _evaluate(beam_pipeline, files, models, make_eval_config(bounds), image_shape, class_names, evaluation.uri)

    answers = read_answers(Path(evaluation.uri, ANSWERS_FILE))
    checks = list(check_model(answers, bounds))
    _compare_verdicts(evaluation.uri, checks)
    if listed := examples.get_string_custom_property(COUNTS_PROPERTY):
        checks.insert(0, check_evaluated_images(answers, json.loads(listed)[EVAL_SPLIT]))
    if BASELINE not in models:
        checks.append(check_baseline(version, obstacle, accepted=options["accept_new_baseline"]))
    checks = [*read_checks(Path(validation.uri, DATA_CHECKS_FILE)), *checks]
    write_checks(Path(evaluation.uri, GATE_FILE), checks)
    _bless(blessing, model, version if BASELINE in models else None, blessed=not get_failures(checks))


def _evaluate(
    beam_pipeline: beam.Pipeline,
    files: list[Path],
    models: dict[str, str],
    config: config_pb2.EvalConfig,
    image_shape: tuple[int, int],
    class_names: tuple[str, ...],
    destination: str,
) -> None:
    from components.gate.tfma_metrics import make_extracts

    shared = [
        tfma.default_eval_shared_model(path, model_name=name, eval_config=config) for name, path in models.items()
    ]
    with beam_pipeline as pipeline:
        counts = (
            pipeline
            | "Files" >> beam.Create([str(file) for file in files])
            | "Spread" >> beam.Reshuffle()
            | "Answer" >> beam.ParDo(AnswerExamples(models))
            | "Add" >> beam.CombineGlobally(add_counts).without_defaults()
        )
        _ = counts | "Write" >> beam.Map(write_counts, image_shape, class_names, Path(destination, ANSWERS_FILE))
        _ = (
            counts
            | "ByClass" >> beam.FlatMap(make_extracts)
            | "Metrics"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared if len(shared) > 1 else shared[0],
                eval_config=config,
                extractors=[tfma.extractors.SliceKeyExtractor(eval_config=config)],
                output_path=destination,
            )
        )


class AnswerExamples(beam.DoFn):
    """Let the models answer the examples of a TFRecord file, and count the answers, batch by batch."""

    def __init__(self, models: dict[str, str]) -> None:
        self._paths = models

    def setup(self) -> None:
        """Load the models, once for each worker."""
        self._models = {name: tf.saved_model.load(path) for name, path in self._paths.items()}

    def process(self, file: str) -> Iterator[AnswerCounts]:
        """Yield the counts of each batch."""
        spec = {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string), LABEL_KEY: tf.io.FixedLenFeature([], tf.int64)}
        for records in tf.data.TFRecordDataset(file).batch(_BATCH):
            examples = tf.io.parse_example(records, spec)
            answers = {name: model.signatures[SIGNATURE](examples=records) for name, model in self._models.items()}
            probabilities = {name: answer["probabilities"].numpy() for name, answer in answers.items()}
            yield count_answers(examples[IMAGE_KEY].numpy(), examples[LABEL_KEY].numpy(), probabilities)


def write_counts(counts: AnswerCounts, image_shape: tuple[int, int], class_names: tuple[str, ...], path: Path) -> None:
    """Write the counts of all images as `answers.json`."""
    write_answers(path, build_answers(counts, image_shape, class_names))


def _compare_verdicts(evaluation_dir: str, checks: list[Check]) -> None:
    """Hold the floors against what TFMA made of them: two ways to one verdict."""
    floors = [check for check in checks if check.won is None]
    theirs = tfma.load_validation_result(evaluation_dir).validation_ok
    if theirs != (not get_failures(floors)):
        raise RuntimeError(f"TFMA says validation_ok={theirs}, the checks do not: {floors}")


def _bless(blessing: types.Artifact, model: types.Artifact, compared: int | None, *, blessed: bool) -> None:
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    Path(blessing.uri, _BLESSED_FILE if blessed else _NOT_BLESSED_FILE).touch()
    blessing.set_int_custom_property(_BLESSED_PROPERTY, int(blessed))
    if compared is not None:
        blessing.set_int_custom_property(COMPARED_PROPERTY, compared)
    blessing.set_string_custom_property("current_model", model.uri)
    blessing.set_int_custom_property("current_model_id", model.id)
