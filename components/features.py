"""Feature keys, class names and the name of what is served: the only place they are written."""

from __future__ import annotations

IMAGE_KEY = "image"
LABEL_KEY = "label"

TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"
SPLITS = (TRAIN_SPLIT, EVAL_SPLIT)

# In the order of the labels 0 to 9: https://github.com/zalandoresearch/fashion-mnist#labels
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# A custom property of the examples artifact, a list in JSON.
CLASS_NAMES_PROPERTY = "class_names"
# And how many images each split of them has, by name, in JSON.
COUNTS_PROPERTY = "image_counts"

# Of the served model: what TensorFlow Serving answers with where a client names nothing else.
SIGNATURE = "serving_default"
