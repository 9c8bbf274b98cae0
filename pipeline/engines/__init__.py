"""Where Beam's stages run when it is not in this process."""
