"""Histories that running Zonehooks wrote, kept so that today's code can be held against them."""
