"""The stand-ins served, and the commands around them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import Host
from connectors.trello.sandbox import SANDBOX
from keepstep.cli import main
from keepstep.config import loads
from keepstep.demo.stage import Stage
from keepstep.registry import Registry


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_configuration_for_served_stand_ins_has_no_mistake_and_only_observes(language: str) -> None:
    stage = Stage(VirtualClock(), language)
    with stage.hosts() as urls:
        config = loads(stage.configuration(urls, "observe"), {}, Registry.installed())
        assert set(urls) == {"crm", "tracker", "board", "files"}
        assert {sync.mode for sync in config.syncs.values()} == {"observe"}
        answer = requests.get(f"{urls['tracker']}/rest/api/3/myself", timeout=10)
        assert answer.status_code == 401
    with pytest.raises(requests.ConnectionError):
        requests.get(urls["tracker"], timeout=10)


def test_the_company_is_a_year_old_and_its_size_can_be_chosen() -> None:
    clock = VirtualClock()
    stage = Stage(clock, records=1000)
    assert 900 < sum(stage.company.size().values()) < 1100
    made = [row["Created_Time"] for row in stage.company.crm.records("Deals").values()]
    first = min(made)[:4], max(made)[:4]
    assert first == ("2025", "2026")
    assert stage.company.clock.now() == clock.now()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "keepstep.yaml"
    target.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(main, ["sandbox", "-o", str(target)])
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert target.read_text(encoding="utf-8") == "mine"


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with Host(SANDBOX.build(VirtualClock(), 1)) as taken:
        port = int(taken.url.rpartition(":")[2])
        result = CliRunner().invoke(main, ["sandbox", "--port-base", str(min(port, 65_532))])
    assert result.exit_code == 1
    assert str(port) in result.stderr
