"""The network service on the wire: views and bodies."""
