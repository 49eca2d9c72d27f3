"""The house itself: who imports whom, how long things are, what may be written in a file."""
