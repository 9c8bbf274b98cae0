"""What has to stand in the environment before TensorFlow is imported. Every entry point calls this, first of all."""

from __future__ import annotations

import os

from pipeline.start_up import defer_unused_imports

# Beam's own default first tries to download a runner of another kind, once for each stage.
BEAM_RUNNER = "FnApiRunner"


def prepare_environment() -> None:
    """Choose Keras 3, defer imports that a run uses late or never, and let the GPU's memory grow."""
    # Unset, the Keras that one gets depends on the order of the imports.
    os.environ["TF_USE_LEGACY_KERAS"] = "0"
    # What a person has set up for other work, number of epochs and float16 included, is not for these models.
    for name in [name for name in os.environ if name.startswith("KERAS_")]:
        del os.environ[name]
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["MPLBACKEND"] = "agg"  # pictures are written to files, and matplotlib comes with TFX
    os.environ["KERAS_HOME"] = os.devnull  # where there is no keras.json, and none can be written
    defer_unused_imports()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def keep_beam_in_process() -> None:
    """Make the runner in this process Beam's default; a `--runner` among Beam's arguments still wins."""
    from apache_beam.options.pipeline_options import StandardOptions

    StandardOptions.DEFAULT_RUNNER = BEAM_RUNNER
