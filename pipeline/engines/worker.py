"""One Python worker of an engine, in a process of its own."""

from __future__ import annotations

import logging
import os


def run_worker(control_endpoint: str, worker_id: str) -> None:
    """Do what the engine at an address says, until it closes the connection; then end the process at once."""
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    logging.basicConfig(level=logging.WARNING)
    code = 0
    try:
        SdkHarness(control_endpoint, worker_id=worker_id).run()
    except Exception:
        logging.exception("Worker %s of %s", worker_id, control_endpoint)
        code = 1
    os._exit(code)  # threads of gRPC and TensorFlow would be waited for
