"""When things happen. Nothing is done here: what is done is called by name, through `calls`."""
