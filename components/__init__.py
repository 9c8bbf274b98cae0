"""What each stage does: one file a stage, in TFX's words."""
