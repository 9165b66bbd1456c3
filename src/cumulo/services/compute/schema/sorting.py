"""Sort keys that no document shows."""

from cumulo.core.resource import Since

SORT_ONLY = Since("1000.0")
"""A field with this is in no version of a document, yet lists can be sorted by it."""
