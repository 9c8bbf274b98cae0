"""The plain Keras tutorial script, as a beginner writes it: `python benchmarks/plain_tutorial.py DATA_DIR`.

Source: https://www.tensorflow.org/tutorials/keras/classification, with the data read from the IDX files. The driver
sets TF_USE_LEGACY_KERAS=0, so this is Keras 3, which TensorFlow 2.16 and later bring.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def load_images(path: Path) -> NDArray[np.uint8]:
    """Read the images of an IDX file, uint8 [N, 28, 28]."""
    with gzip.open(path, "rb") as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 28, 28)


def load_labels(path: Path) -> NDArray[np.uint8]:
    """Read the labels of an IDX file, uint8 [N]."""
    with gzip.open(path, "rb") as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=8)


def main() -> None:
    """Load, train, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()

    train_images = load_images(args.data_dir / "train-images-idx3-ubyte.gz")
    train_labels = load_labels(args.data_dir / "train-labels-idx1-ubyte.gz")
    test_images = load_images(args.data_dir / "t10k-images-idx3-ubyte.gz")
    test_labels = load_labels(args.data_dir / "t10k-labels-idx1-ubyte.gz")

    train_images = train_images / 255.0
    test_images = test_images / 255.0

    model = tf.keras.Sequential(
        [
            tf.keras.layers.Flatten(input_shape=(28, 28)),
            tf.keras.layers.Dense(128, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train_images, train_labels, epochs=args.epochs)

    _, accuracy = model.evaluate(test_images, test_labels, verbose=2)
    print(json.dumps({"accuracy": accuracy}))


if __name__ == "__main__":
    main()
