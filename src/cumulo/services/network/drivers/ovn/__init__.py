"""OVN, driven through its northbound database.

Each resource becomes a handful of rows that carry its name in `external_ids`; `rows` brings the database
to what is wanted in one transaction, and knows nothing of networks; the other modules say what is wanted.
"""

from cumulo.services.network.drivers.ovn.driver import OvnDriver

__all__ = ["OvnDriver"]
