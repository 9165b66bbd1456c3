"""Turn a subunit v2 stream into JSON: test id → status, seconds, reason. Run by Tempest's environment.

    results.py STREAM RESULTS_JSON

A class whose set-up failed or skipped reports under `setUpClass (name)`; `cumulo.runtime.conformance.report`
spreads it over the tests of the class.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import subunit
from testtools import StreamToDict

STATUS = {"success": "passed", "xfail": "passed", "skip": "skipped", "exists": ""}
RAISED = re.compile(r"^(?:(?:\w+\.)+\w+|\w*(?:Error|Exception|Mismatch\w*))(?:: |$)")
LONGEST_REASON = 300


def reason_of(details: dict[str, Any]) -> str:
    """Return why a test was skipped, or the line that says what went wrong."""
    texts = {}
    for name, content in details.items():
        if name.startswith(("traceback", "reason", "Failure")):
            texts[name.split(":")[0].split("-")[0]] = content.as_text()
    if "reason" in texts:
        return " ".join(texts["reason"].split())[:LONGEST_REASON]
    lines = [line.rstrip() for text in texts.values() for line in text.splitlines()]
    raised = [at for at, line in enumerate(lines) if RAISED.match(line)]
    if not raised:
        return next((line for line in reversed(lines) if line.strip()), "")[:LONGEST_REASON]
    told = lines[raised[-1] : raised[-1] + 3]
    details_line = next((line for line in told[1:] if line.startswith("Details:")), "")
    return f"{told[0]} {details_line}".strip()[:LONGEST_REASON]


def main() -> None:
    """Read the stream, write the results."""
    stream, out = sys.argv[1:3]
    results: dict[str, dict[str, Any]] = {}

    def record(test: dict[str, Any]) -> None:
        status = STATUS.get(test["status"], "failed")
        if not status or not test["id"] or test["id"] == "stdout":
            return
        began, ended = (test.get("timestamps") or [None, None])[:2]
        seconds = (ended - began).total_seconds() if began and ended else 0.0
        reason = "" if status == "passed" else reason_of(test.get("details") or {})
        results[test["id"]] = {"status": status, "seconds": round(seconds, 2), "reason": reason}

    with Path(stream).open("rb") as source:
        sink = StreamToDict(record)
        sink.startTestRun()
        subunit.ByteStreamToStreamResult(source, non_subunit_name="stdout").run(sink)
        sink.stopTestRun()
    Path(out).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
