"""Everything that can go wrong, done on purpose: `make torture`; docs/reliability.md has what each test holds."""
