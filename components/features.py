"""Feature keys, class names, what grey is and the name of what is served: the only place they are written."""

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

# Of red, green and blue in the grey of a picture in colour: ITU-R BT.601, in 65,536ths, as Pillow has them.
GREY_WEIGHTS = (19_595, 38_470, 7_471)

# A custom property of the examples artifact, a list in JSON.
CLASS_NAMES_PROPERTY = "class_names"
# And how many images each split of them has, by name, in JSON.
COUNTS_PROPERTY = "image_counts"
# And what a person has to know of the data, where there is anything.
NOTE_PROPERTY = "note"

# Of the served model: what TensorFlow Serving answers with where a client names nothing else.
SIGNATURE = "serving_default"
