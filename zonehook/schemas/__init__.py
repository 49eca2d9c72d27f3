"""JSON Schemas of registered event types: what is wrong with one, and where a document does not fit it.

A schema comes from outside and so does the document; together they never make more than a bounded amount of work.
"""

from zonehook.schemas.checking import problems_of
from zonehook.schemas.fitting import Schema

__all__ = ["Schema", "problems_of"]
