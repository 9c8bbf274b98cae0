"""The tests, a package so that no other of that name stands in for it."""
