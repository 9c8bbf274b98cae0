"""What each command does, and how it is shown."""
