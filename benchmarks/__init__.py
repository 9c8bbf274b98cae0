"""Side by side with the plain Keras tutorial script and with a stock TFX pipeline; see README.md."""
