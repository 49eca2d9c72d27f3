"""The figures of docs/performance.md: the embedded system as it runs for users, beside its engine doing nothing."""
