"""Reading libvirt's XML: of domains, secrets, capabilities; of this host's libvirt and of others'."""

import xml.etree.ElementTree as ET

from cumulo.core.drivers import Permanent


def parse(text: str) -> ET.Element:
    """Return the root of a definition. Raises Permanent for a document type, which libvirt never writes.

    Entities, by which a short text becomes an endless one or reads files, are declared there alone.
    """
    if "<!DOCTYPE" in text:
        raise Permanent("a definition with a document type is not libvirt's")
    return ET.fromstring(text)  # noqa: S314  without a document type there are no entities
