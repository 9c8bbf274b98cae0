"""What the user of a stock TFX pipeline writes for Transform and Trainer, after `tfx/examples/mnist`.

From the example (mnist_utils_native_keras.py and its base) come the file's order, the data set factory, the TensorBoard
callback and the serving signature. The network, its optimizer, the batch size and the division by 255 are those of the
tutorial, so that all that is compared trains the same model. Its MirroredStrategy is left out: one device needs none.

The layer of `transform_features_layer` is one of Keras 2, so the driver sets TF_USE_LEGACY_KERAS=1, which is also what
importing tensorflow_transform first does.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

IMAGE_KEY = "image_floats"
LABEL_KEY = "image_class"
BATCH_SIZE = 32


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Divide the pixels by 255. TFX Transform calls this."""
    return {_name(IMAGE_KEY): inputs[IMAGE_KEY] / 255.0, _name(LABEL_KEY): inputs[LABEL_KEY]}


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Train and export the model. TFX Trainer calls this."""
    tf_transform_output = tft.TFTransformOutput(fn_args.transform_output)
    train_dataset = _input_fn(fn_args.train_files, fn_args.data_accessor, tf_transform_output)
    eval_dataset = _input_fn(fn_args.eval_files, fn_args.data_accessor, tf_transform_output)

    model = _build_keras_model()
    model.fit(
        train_dataset,
        epochs=fn_args.custom_config["epochs"],
        steps_per_epoch=fn_args.train_steps,
        validation_data=eval_dataset,
        validation_steps=fn_args.eval_steps,
        callbacks=[tf.keras.callbacks.TensorBoard(log_dir=fn_args.model_run_dir, update_freq="epoch")],
    )

    examples = tf.TensorSpec([None], tf.string, name="examples")
    serve = _get_serve_tf_examples_fn(model, tf_transform_output)
    tf.saved_model.save(
        model, fn_args.serving_model_dir, signatures={"serving_default": serve.get_concrete_function(examples)}
    )


def _name(key: str) -> str:
    return key + "_xf"


def _input_fn(
    file_pattern: list[str], data_accessor: tfx.components.DataAccessor, tf_transform_output: tft.TFTransformOutput
) -> tf.data.Dataset:
    return data_accessor.tf_dataset_factory(
        file_pattern,
        tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=_name(LABEL_KEY)),
        tf_transform_output.transformed_metadata.schema,
    ).repeat()


def _build_keras_model() -> tf.keras.Model:
    model = tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(input_shape=(784,), name=_name(IMAGE_KEY)),
            tf.keras.layers.Dense(128, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    model.compile(
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=tf.keras.optimizers.Adam(),
        metrics=["sparse_categorical_accuracy"],
    )
    return model


def _get_serve_tf_examples_fn(model: tf.keras.Model, tf_transform_output: tft.TFTransformOutput) -> Any:
    model.tft_layer = tf_transform_output.transform_features_layer()

    @tf.function
    def serve_tf_examples_fn(serialized_tf_examples: tf.Tensor) -> tf.Tensor:
        feature_spec = tf_transform_output.raw_feature_spec()
        feature_spec.pop(LABEL_KEY)
        parsed_features = tf.io.parse_example(serialized_tf_examples, feature_spec)
        return model(model.tft_layer(parsed_features))

    return serve_tf_examples_fn
