"""The configuration of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class ConfigError(ValueError):
    """A field is out of its range; the message names field, value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    """What `create_pipeline` needs to know. Checked when it is made.

    Raises:
        ConfigError: A field is out of its range.
    """

    name: str
    """Name of the pipeline: the data set, so that runs on other data share neither metadata nor serving directory."""

    data_dir: str
    """Folder of the four IDX files."""

    data_digest: str
    """SHA-256 of their contents."""

    image_shape: tuple[int, int] = (28, 28)
    """Height and width of the images in pixels."""

    output_dir: Path
    """Where metadata, artifacts, runs and the serving directory of this pipeline go."""

    epochs: int = 10
    """Passes over the training images, 1 to 10,000."""

    batch_size: int = 32
    """Images in a training step, 1 to 65,536."""

    learning_rate: float = 0.001
    """Of Adam, above 0, at most 1."""

    hidden_units: int = 128
    """Width of the hidden layer, 1 to 65,536."""

    seed: int = 42
    """Of the weights and of the order of the images, 0 to 2**31 - 1."""

    min_accuracy: float = 0.86
    """Least accuracy on the evaluation images, 0 to 1."""

    min_class_accuracy: float = 0.5
    """Least accuracy on the evaluation images of each class, 0 to 1. Shirt, the hardest, reaches 0.65 to 0.72."""

    max_calibration_error: float = 0.15
    """Most that the confidence may be away from the accuracy, 0 to 1. After 10 epochs it is 0.01 to 0.03."""

    max_loss: float = 0.005
    """Most that the accuracy may be below the baseline's, unless that may be chance, 0 to 1."""

    max_class_loss: float = 0.03
    """The same for the evaluation images of each class, 0 to 1."""

    accept_new_baseline: bool = False
    """Go on without a baseline where the one that is pushed can't be compared."""

    require_gpu: bool = False
    """Fail where TensorFlow sees no GPU."""

    use_cache: bool = True
    """Take the results of stages whose inputs did not change from earlier runs."""

    beam_args: tuple[str, ...] = ()
    """Arguments for Apache Beam, such as --direct_running_mode=multi_processing."""

    def __post_init__(self) -> None:
        _check_range(self, "epochs", 1, 10_000)
        _check_range(self, "batch_size", 1, 65_536)
        _check_range(self, "hidden_units", 1, 65_536)
        _check_range(self, "seed", 0, 2**31 - 1)
        _check_range(self, "min_accuracy", 0, 1)
        _check_range(self, "min_class_accuracy", 0, 1)
        _check_range(self, "max_calibration_error", 0, 1)
        _check_range(self, "max_loss", 0, 1)
        _check_range(self, "max_class_loss", 0, 1)
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"--learning-rate {self.learning_rate}: expected a number above 0 and at most 1.")

    @property
    def serving_dir(self) -> Path:
        """The directory that TensorFlow Serving reads."""
        return self.output_dir / "serving"

    @property
    def metadata_path(self) -> Path:
        """The sqlite file of ML Metadata."""
        return self.output_dir / "metadata.sqlite"


def _check_range(config: PipelineConfig, field: str, least: float, most: float) -> None:
    value = getattr(config, field)
    if not least <= value <= most:
        option = "--" + field.replace("_", "-")
        raise ConfigError(f"{option} {value}: expected {least:,} to {most:,}.")
