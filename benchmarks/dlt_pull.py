"""A full pull with dlt into DuckDB, run by the Python of an environment that has it: ``dlt_pull.py HOW BASE FOLDER``.

``usual``: as dlt's own Jira source asks it, everything anew and nested parts in tables of their own. ``least``: raw
issues, merged by id, nothing nested taken apart, the least that it can be asked to do for the same records.
"""

import json
import sys
from pathlib import Path

import dlt
import requests

FIELDS = ["*all", "-worklog", "-lastViewed", "-watches", "-votes", "-issuerestriction"]
HOW = {
    "usual": {"write_disposition": "replace"},
    "least": {"write_disposition": "merge", "primary_key": "id", "max_table_nesting": 0},
}


def issues(base):
    session, token = requests.Session(), None
    while True:
        body = {"jql": "updated >= 86400000 ORDER BY updated ASC, id ASC", "maxResults": 100, "fields": FIELDS}
        page = session.post(f"{base}/rest/api/3/search/jql", json=body | ({"nextPageToken": token} if token else {}))
        found = page.json()
        yield found["issues"]
        token = found.get("nextPageToken")
        if not token:
            return


def main():
    how, base, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    place = dlt.destinations.duckdb(str(folder / "issues.duckdb"))
    pipeline = dlt.pipeline("bench", pipelines_dir=str(folder / "state"), destination=place, dataset_name="jira")
    pipeline.run(dlt.resource(issues, name="issues", **HOW[how])(base))
    count = pipeline.last_trace.last_normalize_info.row_counts["issues"]
    status = Path("/proc/self/status").read_text().splitlines()
    print(json.dumps({"issues": count, "kib": next(int(x.split()[1]) for x in status if x.startswith("VmHWM"))}))


if __name__ == "__main__":
    main()
