"""Who is told of a run, and what: messages, their addresses, and those that wait to be sent."""
