"""Audits of usage by month, which no host makes: usage is read off the servers' rows at any time."""

from datetime import MINYEAR, UTC, datetime, timedelta
from typing import Any

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.services.compute.errors import BadTimestamp
from cumulo.services.compute.model import ComputeHost

WRITTEN = "%Y-%m-%d %H:%M:%S"
_READ = (WRITTEN, f"{WRITTEN}.%f")


async def told(ctx: Ctx, before: str | None) -> dict[str, Any]:
    """Return what became of the audits of a month: all hosts are listed as having made none."""
    begin, end = month_before(instant(before) if before is not None else clock.now())
    hosts = [row.host for row in await ctx.db.all(ComputeHost, order_by=(ComputeHost.c.host,))]
    return {
        "period_beginning": begin.strftime(WRITTEN),
        "period_ending": end.strftime(WRITTEN),
        "num_hosts": len(hosts),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": len(hosts),
        "hosts_not_run": hosts,
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": f"0 of {len(hosts)} hosts done. 0 errors.",
        "log": {},
    }


def instant(text: str) -> datetime:
    """Read an instant as the path has it, with or without parts of a second. BadTimestamp."""
    for form in _READ:
        try:
            read = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if read.year > MINYEAR:  # there are months before it
            return read
    raise BadTimestamp(value=text)


def month_before(moment: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the last month that was over before an instant."""
    end = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if end >= moment:
        end = (end - timedelta(days=1)).replace(day=1)
    return (end - timedelta(days=1)).replace(day=1), end
