"""Over HTTP: whoever sends no token gets 401 from everything that is guarded, before anything else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.core.http import Operation, Service
from cumulo.testing.cloud import Cloud
from cumulo.testing.database import sqlite_database


@pytest.fixture
async def cloud(services: list[Service], tmp_path: Path) -> AsyncIterator[Cloud]:
    async with sqlite_database(tmp_path) as database:
        yield Cloud(services, database)


def _url(service: Service, operation: Operation) -> str:
    prefix = "" if operation.at_root else service.dialect.version_path
    return service.dialect.path + prefix + re.sub(r"\{[^}]+\}", "x", operation.path)


async def test_without_a_token_every_guarded_operation_answers_401(services: list[Service], cloud: Cloud):
    client = cloud.anonymous()
    wrong = []
    for service in services:
        for operation in service.operations():
            if operation.policy is None:
                continue
            body = {"json": {operation.action: {}}} if operation.action else {}
            answer = await client.request(operation.method, _url(service, operation), **body)
            if answer.status_code != 401:
                wrong.append(f"{operation.method} {_url(service, operation)}: {answer.status_code}")
    await client.aclose()
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


async def test_a_bad_token_is_no_better_than_none(services: list[Service], cloud: Cloud):
    client = cloud.client("nonsense")
    for service in services:
        for guarded in [each for each in service.operations() if each.policy is not None][:1]:
            answer = await client.request(guarded.method, _url(service, guarded))
            assert answer.status_code == 401, _url(service, guarded)
    await client.aclose()
