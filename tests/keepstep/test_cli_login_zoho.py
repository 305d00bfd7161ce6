"""``keepstep login`` with a code of Zoho's console: what the person reads, what is kept, and who finds it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connectors.zoho_crm.described import MODULES
from connectors.zoho_crm.scopes import needed
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office whose CRM is known by client and secret alone."""
    made = Office(tmp_path)
    crm = made.connections["crm"]
    for key in ("refresh_token", "data_center"):
        del crm[key]
    made.environ["KEEPSTEP_KEY"] = Fernet.generate_key().decode()
    return made


@pytest.mark.parametrize(("access", "scope"), [("write", "ZohoCRM.modules.deals.ALL"), ("read", "ZohoCRM.org.READ")])
def test_a_code_is_all_that_is_asked_for_and_the_next_command_is_signed_in(
    office: Office, tmp_path: Path, access: str, scope: str
) -> None:
    office.connections["crm"]["access"] = access
    office.sync["mode"] = "observe"
    before = office.keep("check")
    assert (before.exit_code, "run `keepstep login crm`" in before.stderr) == (1, True)
    code = office.crm.generate_code(needed(MODULES, writing=access == "write", notified=False))
    done = office.keep("login", "crm", "--json", answer=f"nowhere\nhttps://api-console.zoho.eu/client\n{code}\n")
    assert done.exit_code == 0, done.output
    assert "nowhere is no API console of Zoho" in done.stderr
    assert "https://api-console.zoho.eu" in done.stderr
    assert scope in done.stderr
    assert (".ALL" in done.stderr) == (access == "write")
    assert json.loads(done.stdout)["account"] == "Keepstep Hub"
    assert code not in done.output
    assert office.keep("check").exit_code == 0
    kept = [token for token in office.crm._refresh_tokens if token != "1000.sandbox.refresh"]
    held = b"".join(path.read_bytes() for path in tmp_path.glob("keep.db*"))
    assert kept
    assert not [secret for secret in (*kept, code) if secret.encode() in held or secret in done.output]
    office.task("Call Acme")
    (sync,) = office.document("plan", "tasks", code=3)["syncs"]
    assert [operation["title"] for operation in sync["operations"]] == ["Call Acme"]


def test_a_used_code_is_refused_with_the_cure_in_the_readers_language(office: Office) -> None:
    office.rest["language"] = "zh-CN"
    done = office.keep("login", "crm", answer="cn\n1000.used\n")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "请在控制台 https://api-console.zoho.com.cn 中打开 Self Client" in done.stderr
    assert "data centre 'cn'" in done.stderr
    assert "1000.used" not in done.output
