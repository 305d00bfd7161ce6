"""The configuration that ships: a file to be read, with a word on each choice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keepstep.demo.cast import Cast

Mode = Literal["observe", "propose", "write"]


@dataclass(frozen=True, slots=True)
class Account:
    """One connection: its name, its system, and its system's own settings."""

    name: str
    system: str
    settings: Mapping[str, Any]


HEAD = """\
# Keepstep's configuration. `keepstep check` finds every mistake in it before anything is written.
version: 1
store: {store}
language: {language}
timezone: {timezone}

# Fields of the company's own; where each system keeps them stands in its connection, under `custom`.
fields:
  project:
    contract_number: {{form: text, label: {{en: contract number, zh-CN: 合同编号}}}}

# One entry for each account. Secrets belong into the environment: token: "${{JIRA_TOKEN}}"; these are the stand-ins'.
connections:
"""

REST = """\

# Each sync is a set of streams that hold the same kind of thing.
# mode: observe writes nothing; propose lets a person approve each plan; write carries plans out, except for those
# that are held: the first one always is.
syncs:
  customers:
    entity: customer
    mode: {mode}
    sides: [crm.Accounts, files.client_folders]
    match: [name]                    # a folder of that name is the customer's; two of one name are put to a person
    create: {{files.client_folders: {{}}}}   # customers begin in the CRM: nothing is ever created there

  contacts:
    entity: contact
    mode: {mode}
    sides: [crm.Contacts]            # one side: known to the rules, written nowhere

  projects:
    entity: project
    mode: {mode}
    sides: [crm.Deals, tracker.epics, files.project_folders]
    where: 'crm.stage_class == "won" || crm.stage_class == "open"'   # lost deals are parked: nothing is deleted
    match: [name]
    first: owner                     # where both are linked for the first time and differ, the CRM is right
    owner: crm
    create:
      tracker.epics: {{project: ACME}}
      files.project_folders: {{parent: customer}}   # below the customer's folder, which is made first
    fields:
      due_date: {{policy: ask}}        # the date is promised to somebody: two edits are for a person to decide
      name: {{policy: owner, owner: crm}}
      labels: {{policy: set}}

  folders:
    entity: folder
    mode: {mode}
    sides: [files.category_folders]
    match: [project, category]
    create: {{files.category_folders: {{parent: project}}}}

  tasks:
    entity: task
    mode: {mode}
    sides: [tracker.issues, board.cards]
    match: [title]
    create: {{tracker.issues: {{project: ACME}}}}   # cards become issues; what is internal reaches no board
    fields:
      status: {{policy: rank}}         # of two moves at once the further one holds
      labels: {{policy: set}}

  documents:
    entity: document
    mode: {mode}
    sides: [files.files, tracker.remote_links]
    match: [url]
    create: {{tracker.remote_links: {{issue: project}}}}   # a file in a project's folder is linked at its epic

  feedback:
    entity: feedback
    mode: {mode}
    sides: [crm.Notes, files.comments, tracker.issues]
    create: {{tracker.issues: {{project: ACME}}}}   # from the customer to the team, never back

# Edits that people make to these in the CRM become a task for the project's manager.
changes_to_tasks:
  watch: [crm.Deals.stage, crm.Deals.due_date, crm.Deals.revenue, crm.Accounts.description]
  create_in: tracker.issues

documents:
  categories: [plan, requirements, design, test, report]

handoffs:
  use: [won-deal-starts]

# Deals won longer ago are matched with what is there, and nothing is created for them.
first_sync: {{won_days: 90}}

# Who is who, where the systems do not show the same e-mail address.
people:
"""


def configuration(
    accounts: Sequence[Account],
    people: Sequence[Mapping[str, str]],
    mode: Mode,
    cast: Cast,
    store: str,
) -> str:
    """The file's text. Scalars are written as JSON, which is YAML."""
    text = HEAD.format(store=json.dumps(store), language=cast.language, timezone=cast.zone)
    for account in accounts:
        text += f"  {account.name}:\n    system: {account.system}\n    currency: {cast.currency}\n"
        for key, value in account.settings.items():
            text += f"    {key}: {json.dumps(value, ensure_ascii=False)}\n"
    text += REST.format(mode=mode)
    for person in people:
        pairs = ", ".join(f"{name}: {json.dumps(account)}" for name, account in person.items())
        text += f"  - {{{pairs}}}\n"
    return text
