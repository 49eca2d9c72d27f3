"""The DNSimple-compatible API v2, by raw requests and by the vendor's own clients."""
