"""The command `join`: this machine trains with others, whose chief runs the pipeline."""

from __future__ import annotations

from components.training.apart import train_apart
from components.training.cluster import find_cluster
from pipeline.environment import prepare_environment


def join_training(wait_seconds: float) -> None:
    """Wait for the chief's Trainer, train with it, and leave evaluation and export to it.

    Raises:
        ClusterError: TF_CONFIG does not say who trains together, or that this one is the chief.
        TrainingError: The chief did not come in time, or a worker was lost.
    """
    cluster = find_cluster(as_chief=False)
    prepare_environment()
    print(
        f"Worker {cluster.worker} of {len(cluster.addresses)}: waiting for the Trainer of {cluster.addresses[0]}.",
        flush=True,
    )
    train_apart(None, cluster, lambda result: print(f"Epoch {result['epoch']} is done.", flush=True), wait_seconds)
    print("Trained; the chief evaluates and exports.")
