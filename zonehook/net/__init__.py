"""The way out: names are resolved, addresses checked, and bytes leave, all in this room and nowhere else."""
