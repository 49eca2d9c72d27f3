"""The command line, as a process of its own beside a running Zonehook."""
