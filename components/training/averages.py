"""Averaged weights: what is exported in place of the weights of the last step, which depend on the last few batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

# The average reaches over about one of so many parts of the steps so far.
PARTS = 8


class AveragingAdam(keras.optimizers.Adam):
    """Adam that also holds the average of the weights over about the last eighth of the steps so far.

    Keras' own average has one momentum for all steps, so that its length would have to be known from the number of
    steps, and it starts with all its weight on the first step, after which weights are random still. With a momentum of
    (t - 1) / (t + PARTS - 1) in step t, it reaches over about t / PARTS steps at any number of steps t, and the
    first step has no more weight than others. After one step, it is the weights of that step.

    Source: polynomial-decay averaging with eta = PARTS - 1, Shamir and Zhang, Stochastic Gradient Descent for
    Non-smooth Optimization, ICML 2013, section 4; of averages in general, Polyak and Juditsky, SIAM J. Control
    Optim. 30 (1992), 838-855.
    """

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate, use_ema=True)

    @property
    def ema_momentum(self) -> tf.Tensor:
        """The share of the old average in the new one, float32, 0 in the first step; Keras asks in every step."""
        earlier_steps = tf.cast(self.iterations.value, tf.float32)
        return earlier_steps / (earlier_steps + PARTS)

    @ema_momentum.setter
    def ema_momentum(self, _: float) -> None:
        """Keras sets the constant that it would use."""


@contextmanager
def use_averages(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Give the model its averaged weights for a while; with no averaging, leave it as it is."""
    if not optimizer.use_ema:
        yield
        return
    trained = model.get_weights()
    optimizer.finalize_variable_values(model.trainable_variables)
    yield
    model.set_weights(trained)
