"""What is written down: one module of statements per noun; each takes the connection its desk opened."""
