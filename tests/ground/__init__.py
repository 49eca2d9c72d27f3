"""The pure ground: values in, values out."""
