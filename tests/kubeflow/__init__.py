"""The pipeline on KFP's own backend."""
