"""What the data and a model have to be like, and how that is measured."""
