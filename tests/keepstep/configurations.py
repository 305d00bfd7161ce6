"""Configurations for tests, good and bad."""

from __future__ import annotations

import pytest

from keepstep.config import Config, ConfigurationError, Problem, loads
from keepstep.language import LANGUAGES, say
from tests.keepstep.plugins import registry

ENVIRON = {"TOKEN": "s3cr3t-token", "EMPTY": ""}

GOOD = """\
version: 1
store: postgresql+psycopg://keep:pa%2Fss@db/keep
language: zh-CN
timezone: Asia/Shanghai
connections:
  crm: {system: crm_system, data_center: eu, access: read}
  board:
    system: board
    url: https://board.test
    token: "${TOKEN}"
    timezone: Europe/Berlin
    values: {status: {Erledigt: done}}
    custom: {cards: {due_date: faellig}}
    labels: {feedback: kunde}
syncs:
  tasks:
    entity: task
    mode: propose
    sides: [crm.Tasks, board.cards]
    where: 'crm.status == "done" || board.labels.exists(l, l == "x")'
    create: {board.cards: {list: Inbox, name: '=entity.title + "!"', position: 3}}
    match: [title, due_date]
    fields: {due_date: {policy: owner, owner: crm}, labels: {policy: set}, status: {policy: rank, direction: forward}}
    every: 1h
changes_to_tasks: {watch: [crm.Deals.stage, "crm.Accounts.*"], create_in: board.cards}
documents: {categories: [plan, report]}
handoffs: {since: 2026-11-01, use: [won-deal-starts]}
people: [{crm: 17, board: ann@acme.test}]
"""
GOOD = GOOD.replace("crm: 17", 'crm: "17"')


def config(text: str, environ: dict[str, str] | None = None) -> Config:
    return loads(text, ENVIRON if environ is None else environ, registry())


def problems(text: str | bytes, environ: dict[str, str] | None = None) -> list[Problem]:
    """The mistakes that the text has. Each can be said."""
    with pytest.raises(ConfigurationError) as caught:
        loads(text, ENVIRON if environ is None else environ, registry())
    for each in caught.value.problems:
        assert all(say(each.code, each.params, language) for language in LANGUAGES)
    return caught.value.problems


def told(text: str | bytes) -> list[tuple[str, int | None, int | None]]:
    return [(each.code, each.line, each.column) for each in problems(text)]


def with_connection(lines: str) -> str:
    return "version: 1\nconnections:\n  b: {system: board, url: 'https://b', token: '${TOKEN}'}\n" + lines


def with_sync(line: str, entity: str = "task") -> str:
    return with_connection(f"syncs:\n  s:\n    entity: {entity}\n    sides: [b.cards]\n    {line}\n")
