"""``prefect.yaml``, read as Prefect reads it."""

from __future__ import annotations

import inspect
import io
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_prefect_reads_its_deployments_without_a_complaint() -> None:
    from prefect.cli.deploy._config import _load_deploy_configs_and_actions
    from prefect.flows import Flow, load_flow_from_entrypoint
    from rich.console import Console

    said = io.StringIO()
    deployments, actions = _load_deploy_configs_and_actions(ROOT / "prefect.yaml", console=Console(file=said))
    assert said.getvalue() == ""
    assert [each["name"] for each in deployments] == ["keepstep-sync", "keepstep-prune"]
    assert actions["pull"]
    for each in deployments:
        flow = load_flow_from_entrypoint(each["entrypoint"])
        assert isinstance(flow, Flow)
        assert flow.name == each["name"]
        assert set(each["parameters"]) == set(inspect.signature(flow.fn).parameters)
        flow.validate_parameters(each["parameters"])
        assert each["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
        assert each["work_pool"]["name"] == "keepstep"
        assert each["schedules"]
