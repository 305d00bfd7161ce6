"""Names in Prefect: told apart, and made of what Prefect allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines import hubs, names
from tests.pipelines.conftest import Company


@pytest.mark.parametrize("text", ["tasks", "Tasks", "ta sks", "ta-sks", "任务", "任务二", "a_b"])
def test_a_slug_is_plain_and_its_own(text: str) -> None:
    others = {"tasks", "Tasks", "ta sks", "ta-sks", "任务", "任务二", "a_b"} - {text}
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", names.slug(text))
    assert names.slug(text) not in {names.slug(other) for other in others}


def test_two_configurations_never_meet() -> None:
    places = [Path("/srv/acme/keepstep.yaml"), Path("/opt/acme/keepstep.yaml"), Path("/srv/acme/other.yaml")]
    assert len({names.tenant(place) for place in places}) == 3
    assert names.tenant(places[0]).startswith("acme-")


def test_syncs_are_grouped_by_interval(company: Company, keeper: hubs.Keeper) -> None:
    text = company.path.read_text()
    company.path.write_text(text + "  late: {entity: task, sides: [one.items], every: 1h}\n")
    company.path.write_text(company.path.read_text() + "  more: {entity: task, sides: [two.items], every: 300s}\n")
    config = keeper.hub().config
    own = names.tenant(company.path)
    assert {name: group.syncs for name, group in names.deployments(config).items()} == {
        f"{own}-every-300s": ("tasks", "more"),
        f"{own}-every-3600s": ("late",),
    }
