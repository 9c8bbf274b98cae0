"""How the stages are connected, configured and run."""
