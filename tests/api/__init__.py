"""The REST API v1, call by call, against a real Zonehook."""
