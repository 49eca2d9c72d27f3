"""The exact bytes of a delivery."""
