"""Everything that can go wrong, done on purpose: `make torture`. docs/reliability.md says what each test holds."""
