"""The same pipeline on open-source Kubeflow Pipelines 2.x: compiled, run stage by stage in containers, scheduled."""
