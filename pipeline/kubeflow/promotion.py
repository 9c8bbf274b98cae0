"""The container's command: `python -m pipeline.kubeflow.promotion '{{$}}'` pushes a run's model in spite of the gate.

A run on a cluster leaves its model in the object store, from where KFP's launcher brings it into the pod.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.report.record import MODEL_DIR
from components.serving.manifest import Manifest, digest_model
from pipeline.commands.console import hide_output
from pipeline.commands.promote import push_in_spite, refuse_what_is_pushed
from pipeline.kubeflow.places import find_local_path
from pipeline.kubeflow.told import ARGUMENTS, tell

# What the pod is given of the run, and the name of its type in KFP.
IMPORTED = {
    "Trainer.model": "tfx.Model",
    "ExampleGen.examples": "tfx.Examples",
    "DataValidator.validation": "tfx.DataValidation",
}


def promote_artifacts(executor_input: Mapping[str, Any]) -> None:
    """Push a model, and print its version.

    Args:
        executor_input: KFP's message of that name. Its parameter holds a Manifest in JSON, but for what the pod knows,
            and the serving directory; its artifacts are those of IMPORTED, by the key behind the point.

    Raises:
        PromotionError: The model is what is pushed.
        PushError: The copy does not answer as the model does; nothing was pushed.
    """
    inputs = executor_input["inputs"]
    given = json.loads(inputs["parameterValues"][ARGUMENTS])
    places = {key: find_local_path(listed["artifacts"][0]["uri"]) for key, listed in inputs["artifacts"].items()}
    serving_dir, model_dir = Path(given.pop("serving_dir")), places["model"] / MODEL_DIR
    pushed_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    manifest = Manifest(digest=digest_model(model_dir), pushed_at=pushed_at, **given)
    refuse_what_is_pushed(serving_dir, manifest)
    with hide_output():  # of TensorFlow and TFX
        version = push_in_spite(
            model_dir, serving_dir, manifest, places["examples"] / "Split-eval", places["validation"]
        )
    print(f"Pushed: the model of {manifest.run_id} is version {version} now, by a person: {manifest.reason}")


def main() -> int:
    """Promote what KFP's executor input names, and return the exit code."""
    return tell("promote", lambda: promote_artifacts(json.loads(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
