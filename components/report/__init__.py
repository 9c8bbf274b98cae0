"""What is told of a run: a record, and its page."""
