"""What is done. Nothing here decides when: workflows call, and call again."""
