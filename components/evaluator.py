"""Evaluator: candidate and baseline answer the evaluation images, and the gate judges the answers."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.utils import path_utils

from components.baseline import COMPARED_PROPERTY, VERSION_PROPERTY
from components.data_validator import DataValidation
from components.features import EVAL_SPLIT, IMAGE_KEY, LABEL_KEY, SIGNATURE
from components.gate.answer_counts import BASELINE, CANDIDATE, AnswerCounts, add_counts, build_answers, count_answers
from components.gate.answers import ANSWERS_FILE, read_answers, write_answers
from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, Check, get_failures, read_checks, write_checks
from components.gate.model_checks import Bounds, check_baseline, check_model
from components.gate.tfma_metrics import make_eval_config, make_extracts
from components.schema import get_class_names, get_image_shape, read_schema
from components.serving.baseline_model import find_obstacle

_BATCH = 1_000
# Names that TFX's own stages read.
_BLESSED_PROPERTY, _BLESSED_FILE, _NOT_BLESSED_FILE = "blessed", "BLESSED", "NOT_BLESSED"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Count the answers in one pass, check them, and bless the candidate or not."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write TFMA's metrics, `answers.json` and `gate.json`, and the blessing.

        Args:
            input_dict: `examples`, `schema`, `validation`, `model` and `baseline_model`, one artifact each.
            output_dict: `evaluation` and `blessing`, one artifact each.
            exec_properties: The fields of Bounds, and `accept_new_baseline`, 0 or 1.

        Raises:
            RuntimeError: TFMA's verdict on the floors is another than ours.
        """
        keys = ("examples", "schema", "validation", "model", "baseline_model")
        (examples,), (schema_artifact,), (validation,), (model,), (baseline,) = (input_dict[key] for key in keys)
        (evaluation,), (blessing,) = output_dict["evaluation"], output_dict["blessing"]
        schema = read_schema(str(Path(schema_artifact.uri, "schema.pbtxt")))
        class_names = get_class_names(schema)
        bounds = Bounds(**{field.name: exec_properties[field.name] for field in fields(Bounds)})
        files = sorted(Path(examples.uri, f"Split-{EVAL_SPLIT}").iterdir())

        models = {CANDIDATE: path_utils.serving_model_path(model.uri)}
        version = baseline.get_int_custom_property(VERSION_PROPERTY)
        baseline_path = path_utils.serving_model_path(baseline.uri)
        obstacle = find_obstacle(Path(baseline_path), files[0], class_names) if version else ""
        if version and not obstacle:
            models[BASELINE] = baseline_path
        self._evaluate(files, models, make_eval_config(bounds), get_image_shape(schema), class_names, evaluation.uri)

        checks = list(check_model(read_answers(Path(evaluation.uri, ANSWERS_FILE)), bounds))
        _compare_verdicts(evaluation.uri, checks)
        if BASELINE not in models:
            checks.append(check_baseline(version, obstacle, accepted=bool(exec_properties["accept_new_baseline"])))
        checks = [*read_checks(Path(validation.uri, DATA_CHECKS_FILE)), *checks]
        write_checks(Path(evaluation.uri, GATE_FILE), checks)
        compared = version if BASELINE in models else 0
        _bless(blessing, model, compared, blessed=not get_failures(checks))

    def _evaluate(
        self,
        files: list[Path],
        models: dict[str, str],
        config: config_pb2.EvalConfig,
        image_shape: tuple[int, int],
        class_names: tuple[str, ...],
        destination: str,
    ) -> None:
        shared = [
            tfma.default_eval_shared_model(path, model_name=name, eval_config=config) for name, path in models.items()
        ]
        with self._make_beam_pipeline() as pipeline:
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
                    extractors=[slice_key_extractor.SliceKeyExtractor(eval_config=config)],
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
    floors = [check for check in checks if check.p_value is None]
    theirs = tfma.load_validation_result(evaluation_dir).validation_ok
    if theirs != (not get_failures(floors)):
        raise RuntimeError(f"TFMA says validation_ok={theirs}, the checks do not: {floors}")


def _bless(blessing: types.Artifact, model: types.Artifact, compared: int, *, blessed: bool) -> None:
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    Path(blessing.uri, _BLESSED_FILE if blessed else _NOT_BLESSED_FILE).touch()
    blessing.set_int_custom_property(_BLESSED_PROPERTY, int(blessed))
    blessing.set_int_custom_property(COMPARED_PROPERTY, compared)
    blessing.set_string_custom_property("current_model", model.uri)
    blessing.set_int_custom_property("current_model_id", model.id)


class EvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of Evaluator."""

    PARAMETERS = {
        **{field.name: component_spec.ExecutionParameter(type=float) for field in fields(Bounds)},
        "accept_new_baseline": component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "validation": component_spec.ChannelParameter(type=DataValidation),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": component_spec.ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class GatedEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluate a candidate against its bounds and against the baseline, of which an empty one is none."""

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        validation: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        bounds: Bounds,
        accept_new_baseline: bool = False,
    ) -> None:
        spec = EvaluatorSpec(
            examples=examples,
            schema=schema,
            validation=validation,
            model=model,
            baseline_model=baseline_model,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            accept_new_baseline=int(accept_new_baseline),
            **{name: float(value) for name, value in asdict(bounds).items()},
        )
        super().__init__(spec)
