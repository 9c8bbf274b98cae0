"""What a run need not wait for as it starts.

The modules were found with `python -X importtime`; without this, they take a third to half of the start-up.
"""

from __future__ import annotations

from functools import cache

from pipeline.deferred_imports import defer_imports

_NEVER_USED = (
    "tfx.components",  # all stages of TFX, with kubernetes and keras_tuner; its launcher wants a constant
    "IPython",  # TFDV and Keras show things in notebooks
    "tqdm.notebook",
    "google.cloud.bigquery",  # Beam's sources and runners for services of Google
    "google.cloud.dataflow",
    "google.cloud.pubsub",
    "googleapiclient.discovery",  # TensorFlow looks for workers with it
)
_USED_LATE = (
    "keras",  # the Trainer uses it; TensorFlow imports all these
    "keras.src",
    "keras.src.optimizers",
    "keras._tf_keras",
    "keras._tf_keras.keras",
    "tensorflow_model_analysis",  # the Evaluator uses it; TFX declares all its stages beside its Evaluator
    "tensorflow_model_analysis.sdk",
)


@cache
def defer_unused_imports() -> None:
    """Let those modules be executed when they are used."""
    defer_imports(
        (*_NEVER_USED, *_USED_LATE),
        open_packages=("tfx.components", "tensorflow_model_analysis", "IPython"),
        leaves=("keras.src.version", "keras.src.api_export"),
        defined_in={
            # tf.Transform asks Keras for its version, and TFX's declarations ask TFMA for a message's class.
            "keras": "keras.src.version",
            "keras._tf_keras.keras": "keras.src.version",
            "tensorflow_model_analysis.sdk": "tensorflow_model_analysis.proto.config_pb2",
        },
    )
