"""Old runs leave Prefect's database, and their artifacts with them."""

from __future__ import annotations

from datetime import datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterTags,
)
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort
from prefect.exceptions import ObjectNotFound

from pipelines.names import FLOWS

BATCH = 100


def prune(tag: str, before: datetime) -> int:
    """Delete the runs with that tag that ended before that moment; how many there were."""
    count = 0
    with get_client(sync_client=True) as client:
        while True:
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
                flow_run_filter=FlowRunFilter(
                    tags=FlowRunFilterTags(all_=[tag]), end_time=FlowRunFilterEndTime(before_=before)
                ),
                sort=FlowRunSort.END_TIME_DESC,
                limit=BATCH,
            )
            for run in runs:
                _delete_artifacts(client, run.id)
                try:
                    client.delete_flow_run(run.id)
                except ObjectNotFound:
                    continue  # another worker prunes as well
                count += 1
            if len(runs) < BATCH:
                return count


def _delete_artifacts(client: SyncPrefectClient, run: object) -> None:
    for artifact in client.read_artifacts(
        sort=ArtifactSort.ID_DESC, artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    ):
        try:
            client.delete_artifact(artifact.id)
        except ObjectNotFound:
            continue
