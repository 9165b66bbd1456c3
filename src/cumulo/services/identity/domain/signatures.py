"""Checking requests that were signed with an EC2 key: AWS signature versions 0, 1, 2 and 4, and S3's own.

The service that got the request tells of it in parts (verb, host, path, parameters, headers, hash of the
body); what was signed is put together again from these, after Amazon's published description.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from cumulo.core import clock
from cumulo.core.errors import Invalid
from cumulo.core.resource import as_time
from cumulo.services.identity.schema.secrets import Signed

FRESH = timedelta(minutes=15)  # as Keystone's [credential] auth_ttl
_V4 = "AWS4-HMAC-SHA256"
_SCOPE_PARTS = 4  # date/region/service/aws4_request
_NOT_SIGNED = "Signature"


def is_right(secret: str, signed: Signed) -> bool:
    """Say whether an EC2 request was signed with this secret; the host with and without its port will do."""
    hosts = [signed.host, signed.host.rpartition(":")[0]] if ":" in signed.host else [signed.host]
    return any(_equal(_expected(secret, signed, host), signed.signature) for host in hosts)


def is_fresh(signed: Signed) -> bool:
    """Say whether the time in an EC2 request, if it has one, is near enough."""
    headers = _lower(signed.headers)
    text = signed.params.get("Timestamp") or signed.params.get("X-Amz-Date") or headers.get("x-amz-date")
    if text is None:
        return True
    try:
        moment = _moment(str(text))
    except (ValueError, Invalid):
        return False
    return abs(clock.now() - moment) <= FRESH


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d{8}T\d{6}Z", text):
        return datetime.strptime(f"{text[:-1]}+0000", "%Y%m%dT%H%M%S%z")
    return as_time("Timestamp", text)


def is_right_s3(secret: str, signed: Signed) -> bool:
    """Say whether an S3 request was signed with this secret: version 4, or the older of SHA-1."""
    try:
        text = base64.urlsafe_b64decode(signed.token)
    except (binascii.Error, ValueError):
        return False
    if not text.startswith(_V4.encode()):
        digest = hmac.digest(secret.encode(), text, "sha1")
        return _equal(base64.b64encode(digest).decode(), signed.signature)
    parts = text.decode(errors="replace").split("\n")
    scope = parts[2].split("/") if len(parts) == _SCOPE_PARTS else []
    if len(scope) != _SCOPE_PARTS or scope[2:] != ["s3", "aws4_request"]:
        return False
    return _equal(hmac.digest(_v4_key(secret, scope), text, "sha256").hex(), signed.signature)


def _equal(expected: str | None, given: str) -> bool:
    return expected is not None and hmac.compare_digest(expected.encode(), given.encode())


def _expected(secret: str, signed: Signed, host: str) -> str | None:
    """Return the right signature; None when the version is not known or its parts are missing."""
    key = secret.encode()
    params = {name: str(value) for name, value in signed.params.items() if name != _NOT_SIGNED}
    version = params.get("SignatureVersion")
    if version == "0":
        text = params.get("Action", "") + params.get("Timestamp", "")
        return base64.b64encode(hmac.digest(key, text.encode(), "sha1")).decode()
    if version == "1":
        text = "".join(name + params[name] for name in sorted(params, key=str.lower))
        return base64.b64encode(hmac.digest(key, text.encode(), "sha1")).decode()
    if version == "2":
        text = f"{signed.verb}\n{host.lower()}\n{signed.path}\n{_query(params)}"
        kind = "sha256" if params.get("SignatureMethod", "HmacSHA256") == "HmacSHA256" else "sha1"
        return base64.b64encode(hmac.digest(key, text.encode(), kind)).decode()
    return _expected_v4(secret, signed, host)


def _query(params: Mapping[str, str]) -> str:
    pairs = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in params.items())
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _expected_v4(secret: str, signed: Signed, host: str) -> str | None:
    headers = _lower(signed.headers) | {"host": host}
    said = _authorization(headers.get("authorization", ""))
    params = {name: str(value) for name, value in signed.params.items()}
    by_header = bool(said)
    algorithm = _V4 if by_header else params.get("X-Amz-Algorithm")
    scope = (said.get("Credential") or params.get("X-Amz-Credential", "")).split("/")[1:]
    names = said.get("SignedHeaders") or params.get("X-Amz-SignedHeaders", "")
    date = headers.get("x-amz-date") or params.get("X-Amz-Date", "")
    if algorithm != _V4 or len(scope) != _SCOPE_PARTS or not date.startswith(scope[0]):
        return None
    if not by_header:
        params.pop("X-Amz-Signature", None)
    query = "" if by_header and signed.verb.upper() == "POST" else _query(params)
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names.split(";"))
    request = "\n".join((signed.verb.upper(), signed.path or "/", query, lines, names, signed.body_hash))
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join((_V4, date, "/".join(scope), digest))
    return hmac.digest(_v4_key(secret, scope), text.encode(), "sha256").hex()


def _lower(headers: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): str(value).strip() for name, value in headers.items()}


def _authorization(header: str) -> dict[str, str]:
    """Return the parts of an `Authorization` header of version 4; empty when it is none."""
    if not header.startswith(_V4):
        return {}
    return dict(re.findall(r"(?<!\w)(\w+)=([^,\s]+)", header.removeprefix(_V4)))


def _v4_key(secret: str, scope: list[str]) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key
