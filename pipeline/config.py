"""The options of a run, each declared once: name, type, default, unit, range, help.

The options of `run`, the keys of `pipeline.toml`, the parameters of a run on Kubeflow, every check of a value with its
sentence, and the table in the README come from here. pipeline/declared.py reads the declarations.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Interval

from pipeline.declared import Declared, Option, list_fields
from pipeline.notify.settings import Notify
from pipeline.quantities import parse_size

Share: TypeAlias = Annotated[float, Interval(ge=0, le=1)]
SampleSize: TypeAlias = Annotated[int, Interval(ge=100, le=1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Declared):
    """What stages and runner are told, on this machine and on a cluster."""

    epochs: Annotated[int, Interval(ge=1, le=10_000), Option("Passes over the training images.", stage="Trainer")] = 10

    batch_size: Annotated[
        int, Interval(ge=1, le=65_536), Option("Images in a training step.", stage="Trainer", unit="images")
    ] = 32

    learning_rate: Annotated[float, Interval(gt=0, le=1), Option("Learning rate of Adam.", stage="Trainer")] = 0.001

    averaging: Annotated[
        bool, Option("Export the average of the weights, and not those of the last step.", stage="Trainer")
    ] = True

    hidden_units: Annotated[
        int, Interval(ge=1, le=65_536), Option("Width of the hidden layer.", stage="Trainer", unit="units")
    ] = 128

    seed: Annotated[
        int,
        Interval(ge=0, le=2**31 - 1),
        Option("Seeds weights and order; the same model again on the same machine alone.", stage="Trainer"),
    ] = 42

    require_gpu: Annotated[bool, Option("Fail where there is no GPU.", stage="Trainer", on_cluster=False)] = False

    distribution: Annotated[
        Literal["none", "mirrored", "multi-worker"],
        Option(
            "Train on all GPUs of this machine, or with the workers in TF_CONFIG.", stage="Trainer", on_cluster=False
        ),
    ] = "none"

    min_accuracy: Annotated[Share, Option("Least accuracy on the evaluation images.", stage="Evaluator")] = 0.86

    # Shirt, the hardest of Fashion-MNIST, reaches 0.65 to 0.72.
    min_class_accuracy: Annotated[Share, Option("Least accuracy on those of each class.", stage="Evaluator")] = 0.5

    # After 10 epochs it is 0.01 to 0.03.
    max_calibration_error: Annotated[
        Share, Option("Most that confidence may be off the accuracy.", stage="Evaluator")
    ] = 0.15

    max_loss: Annotated[
        Share,
        Option("Most that the accuracy may be below the baseline's, unless that may be chance.", stage="Evaluator"),
    ] = 0.005

    # Sound retrainings lose up to 3 points of a class (make benchmark-retraining).
    max_class_loss: Annotated[Share, Option("The same for the images of each class.", stage="Evaluator")] = 0.035

    max_churn: Annotated[
        Share,
        Option("Most answers that may be others than the baseline's, right or wrong; 1 allows any.", stage="Evaluator"),
    ] = 1.0

    accept_new_baseline: Annotated[bool, Option("Go on where what is pushed can't be compared.", stage="Evaluator")] = (
        False
    )

    accept: Annotated[bool, Option("Push a model that was taken back once more.", stage="Pusher")] = False

    max_class_imbalance: Annotated[
        float,
        Interval(ge=1, le=1_000_000),
        Option(
            "Most that a class may have more or fewer images than an equal share.", stage="DataValidator", unit="times"
        ),
    ] = 5.0

    # Fashion-MNIST has none; a failed export has many.
    max_constant_images: Annotated[Share, Option("Most blank images, as a share.", stage="DataValidator")] = 0.01

    max_label_skew: Annotated[
        Share, Option("Most that a class's share may differ between the splits.", stage="DataValidator")
    ] = 0.05

    # Fashion-MNIST has 0.0001.
    max_pixel_skew: Annotated[
        Share, Option("Most that the grey values of the splits may diverge.", stage="DataValidator", unit="bits")
    ] = 0.05

    # Fashion-MNIST has none.
    max_shared_images: Annotated[
        Share, Option("Most evaluation images that are training images too, as a share.", stage="DataValidator")
    ] = 0.01

    cache: Annotated[bool, Option("Do not do again what has nothing new to work on.")] = True

    engine: Annotated[
        Literal["direct", "prism", "flink"],
        Option("Where the stages over the data run: in this process, or on a cluster.", on_cluster=False),
    ] = "direct"

    engine_address: Annotated[
        str, Option("Address of the engine's job server for Beam.", metavar="HOST:PORT", on_cluster=False)
    ] = ""

    worker_pool: Annotated[
        str,
        Option(
            "Where the engine's machines find Python workers; else some here.", metavar="HOST:PORT", on_cluster=False
        ),
    ] = ""

    asked_pool: Annotated[
        str,
        Option("Where this machine finds one of those, if not there.", metavar="HOST:PORT", on_cluster=False),
    ] = ""

    workers: Annotated[
        int, Interval(ge=1, le=10_000), Option("How many of the engine's workers work at once.", on_cluster=False)
    ] = 2

    beam_arg: Annotated[
        tuple[str, ...], Option("Passed to Apache Beam; may be repeated.", metavar="ARG", on_cluster=False)
    ] = ()

    def list_options(self, stage: str) -> dict[str, Any]:
        """Return the options that a stage is told, by name."""
        return {field.name: getattr(self, field.name) for field in list_fields(Options) if field.option.stage == stage}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(Declared):
    """What `clean` leaves, and `[keep]` in pipeline.toml after each run; where nothing is said, nothing is removed."""

    versions: Annotated[int | None, Ge(1), Option("Newest versions that stay.", unit="versions", metavar="N")] = None

    days: Annotated[
        int | None, Interval(ge=0, le=36_500), Option("Runs of so many days stay.", unit="days", metavar="D")
    ] = None

    free: Annotated[str, Option("Removes more, oldest first, until so much of the disk is free, such as 20GB.")] = ""

    def __post_init__(self) -> None:
        if self.free:
            parse_size(self.free, "[keep] free =")

    @property
    def free_bytes(self) -> int:
        """Bytes of the disk that are to be free, 0 for any number."""
        return parse_size(self.free, "[keep] free =") if self.free else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(Options):
    """What `run` and `pipeline.toml` take."""

    data: Annotated[
        str, Option("Where the images come from.", metavar="auto|fashion-mnist|sample|DIR", on_cluster=False)
    ] = "auto"

    sample_size: Annotated[
        SampleSize, Option("Training images that --data sample generates.", unit="images", on_cluster=False)
    ] = 12_000

    output: Annotated[Path, Option("Folder of metadata, models and runs.", metavar="DIR", on_cluster=False)] = Path(
        "output"
    )

    notify: Notify | None = None
    """Who is told of runs: the table `[notify]`, and no option, for addresses belong on no command line."""

    keep: Keep = Keep()
    """What stays after a run: the table `[keep]`, and no option, for `clean` has them on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig(Options):
    """What `create_pipeline` needs to know: the options, and what follows from the data and the folder."""

    name: str
    """Name of the pipeline: the data set, so that runs on other data share neither metadata nor serving directory."""

    data_dir: str
    """Folder of the IDX files."""

    data_digest: str = ""
    """SHA-256 of their contents; "" where they are not known yet."""

    image_shape: tuple[int, int] = (28, 28)
    """Height and width of the images in pixels."""

    output_dir: Path
    """Where metadata, artifacts, runs and the serving directory of this pipeline go."""

    set_by_file: tuple[str, ...] = ()
    """Options that pipeline.toml has a value for: a command that repeats the run has to name them all."""

    @property
    def serving_dir(self) -> Path:
        """The directory that TensorFlow Serving reads."""
        return self.output_dir / "serving"

    @property
    def metadata_path(self) -> Path:
        """The sqlite file of ML Metadata."""
        return self.output_dir / "metadata.sqlite"
