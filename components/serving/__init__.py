"""What is served, and whether it may be."""
