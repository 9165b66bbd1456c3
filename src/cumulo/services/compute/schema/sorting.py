"""Sort keys that no document shows."""

from datetime import datetime
from typing import Annotated

from cumulo.core.resource import Since, Sortable, Source, View
from cumulo.services.compute.model import Server

SORT_ONLY = Since("1000.0")
"""A field with this is in no version of a document, yet lists can be sorted by it."""


class ServerKeys(View, model=Server):
    """What lists of servers, brief and detailed, can be sorted by besides what they show."""

    uuid: Annotated[str, Source("id"), Sortable, SORT_ONLY]
    display_name: Annotated[str, Source("name"), Sortable, SORT_ONLY]
    display_description: Annotated[str, Source("description"), Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]
    updated_at: Annotated[datetime, Sortable, SORT_ONLY]
    host: Annotated[str, Sortable, SORT_ONLY]
    hostname: Annotated[str, Sortable, SORT_ONLY]
    image_ref: Annotated[str, Source("image_id"), Sortable, SORT_ONLY]
    instance_type_id: Annotated[str, Source("flavor_id"), Sortable, SORT_ONLY]
    vm_state: Annotated[str, Sortable, SORT_ONLY]
    task_state: Annotated[str, Sortable, SORT_ONLY]
    power_state: Annotated[int, Sortable, SORT_ONLY]
    project_id: Annotated[str, Sortable, SORT_ONLY]
    availability_zone: Annotated[str, Source("zone"), Sortable, SORT_ONLY]
    launch_index: Annotated[int, Sortable, SORT_ONLY]
    access_ip_v4: Annotated[str, Source("access_ipv4"), Sortable, SORT_ONLY]
    access_ip_v6: Annotated[str, Source("access_ipv6"), Sortable, SORT_ONLY]
