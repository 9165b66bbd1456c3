"""The engine: everything that two services would otherwise write twice. It knows no service."""
