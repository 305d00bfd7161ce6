"""Every message in English, by code. The Chinese stands in ``zh_CN.po``, under the same code and English text.

A parameter may name the form it is said in: ``{since:when}``; ``keepstep.language.forms`` knows the forms.
"""

from __future__ import annotations

from typing import Final

from keepstep.language.budgets import BUDGETS
from keepstep.language.conformance import CONFORMANCE
from keepstep.language.demo import DEMO
from keepstep.language.findings import TOLD
from keepstep.language.keeping import KEEPING
from keepstep.language.lineage import LINEAGE
from keepstep.language.matching import MATCHING
from keepstep.language.message import Message, Plural
from keepstep.language.preparing import PREPARING
from keepstep.language.serving import SERVING
from keepstep.language.sign_in_jira import SIGN_IN_JIRA
from keepstep.language.sign_in_zoho import SIGN_IN_ZOHO
from keepstep.language.symptoms import SYMPTOMS
from keepstep.language.tasks import TASKS
from keepstep.language.work import WORK

CONFIGURATION: Final[dict[str, Message]] = {
    "file_missing": "there is no file {file}; `keepstep init` writes one",
    "file_unreadable": "the file cannot be read: {reason}",
    "file_empty": "the file is empty; `keepstep init` writes a first configuration",
    "file_not_a_mapping": "the file must consist of keys and values, such as `version: 1`",
    "file_too_large": "the file is larger than {most} KiB; this can be no configuration",
    "file_encoding": "the file is stored as {encoding}; save it as UTF-8",
    "file_not_utf8": "from here on the text is not UTF-8; save the file as UTF-8",
    "yaml_syntax": "this is not valid YAML: {reason}",
    "yaml_tab": "a tab stands here; YAML is indented with spaces",
    "yaml_character": "a character that YAML does not allow stands here; delete it",
    "yaml_recursive": "an alias leads back into itself; write the part out",
    "yaml_too_many": "with its aliases followed the file has more than {most} parts; remove aliases",
    "yaml_too_deep": "the parts are nested more than {most} deep",
    "yaml_tag": "the tag {tag} is not allowed; write the plain value",
    "yaml_merge": "`<<` is not supported; write the keys out",
    "key_not_text": "a key must be a single word",
    "duplicate_key": "`{key}` stands here for the second time (first in line {first}); keep one",
    "unknown_key": "`{key}` is not known here{nearest:hint}; possible are: {known:list}",
    "missing_key": "`{key}` is missing here; add it",
    "not_one_of": "`{key}` cannot be {value:quoted}{nearest:hint}; possible are: {known:list}",
    "wrong_type": "`{key}` must be {expected:type}",
    "out_of_range": "`{key}` is out of range; the limit is {limit}",
    "too_few": "`{key}` needs at least {least} of its entries",
    "invalid": "`{key}` is not valid: {reason}",
    "bad_side": "{value:quoted} is not a side; write connection.stream, such as `crm.Deals`",
    "bad_watch": "{value:quoted} cannot be watched; write connection.stream.field, such as `crm.Deals.stage` or `crm.Deals.*`",
    "bad_duration": "{value:quoted} is not a duration; write a whole number and a unit, such as `30s`, `5m`, `1h` or `90d`",
    "bad_zone": "{value:quoted} is not a time zone{nearest:hint}; write one such as `Asia/Shanghai`",
    "bad_currency": "{value:quoted} is not a currency; write three capital letters, such as `EUR`",
    "bad_connection_name": "{value:quoted} cannot name a connection; use letters, digits and `_`, and no word that expressions reserve",
    "bad_sync_name": "{value:quoted} cannot name a sync; use up to 64 letters, digits, `_`, `-` and spaces",
    "variable_missing": "the environment variable {name} is not set; set it, or change `${{{name}}}` here",
    "variable_empty": "the environment variable {name} is empty; give it a value",
    "variable_malformed": "`{text}` is no variable; write `${{NAME}}`, or `$$` for a plain dollar before a brace",
    "variable_in_expression": "an expression cannot take its text from the environment; write it out",
    "expression_syntax": "the expression cannot be read here: {reason}",
    "unknown_variable": "the expression uses `{name}`, which has no value here{nearest:hint}; possible are: {known:list}",
    "unknown_function": "the expression calls `{name}`, which is not there{nearest:hint}; possible are: {known:list}",
    "unknown_system": "there is no system `{system}`{nearest:hint}; installed are: {known:list}",
    "plugin_broken": "the plugin for `{system}` ({source}) cannot be loaded: {reason}; repair or remove it",
    "plugin_wrong": "the plugin for `{system}` ({source}) is not a {expected} of that name; repair or remove it",
    "plugin_twice": "several packages offer the system `{system}`: {sources:list}; remove all but one",
    "unknown_connection": "there is no connection `{name}`{nearest:hint}; the file has: {known:list}",
    "not_a_side": "the connection `{name}` takes no part in this sync{nearest:hint}; its connections are: {known:list}",
    "unknown_stream": "{side} is not a stream of that connection{nearest:hint}; it has: {known:list}",
    "side_twice": "{side} stands here for the second time; keep one",
    "create_not_a_side": "{side} is not one of this sync's sides{nearest:hint}; they are: {known:list}",
    "create_into_read": "nothing can be created in {side}: the connection `{name}` has `access: read`",
    "unknown_field": "there is no field `{field}` here{nearest:hint}; possible are: {known:list}",
    "policy_unfit": "`policy: {policy}` does not fit `{field}`, which is {form:type}; possible are: {known:list}",
    "bad_form": "{value:quoted} is no form of a field; write text, rich, number, money, date, flag, choice, set or person",
    "bad_field_name": "{value:quoted} cannot name a field; use up to 40 small letters, digits and `_`, a letter first, and say what people call it under `label`",
    "field_is_standard": "{entity:kind} has a field `{field}` already; remove this line and name the system's field for it under `custom`, or choose another name",
    "field_of_others": "`{field}` is a field of {known:list} already and would mean two things; choose another name, such as `{entity}_{field}`",
    "field_name_taken": "`{field}` means something in expressions already; choose another name, such as `{entity}_{field}`",
    "field_declared_apart": "`{field}` is declared otherwise under `{other}`; one name is one kind of value: declare both alike, or choose another name",
    "classes_unused": "`values` says something only beside `form: choice`, not `form: {form}`; remove it",
    "classes_missing": "`{field}` needs its `values`: {{form: choice, values: [...]}}",
    "class_blank": "a value is a text without blanks around it; write one",
    "class_twice": "{value:quoted} says the same as {first:quoted}; keep one",
    "custom_nowhere": "{side} has no fields of one's own that could hold `{field}`; remove this line",
    "custom_unfit": "no field of {side} can hold `{field}`, which is {form:type}; possible are: {known:list}",
    "field_carried_nowhere": "nothing carries `{field}`: no side of a sync with `entity: {entity}` names a field for it; add one for each side under `custom` of its connection",
    "field_carried_by_one": "`{field}` goes nowhere: {side} alone names a field for it; add one for another side of its sync under `custom` of its connection",
    "retention_short": "`{key}` is shorter than a day, and what the last hours hold is still needed; write `1d` or more",
    "rides_with_none": "`{what}` cannot ride with `entity: {entity}`; possible with: {known:list}",
    "copies_documents": "`content: copy` is for `entity: document`; {entity} has no bytes to copy, remove it",
    "largest_unused": "`largest` says something only beside `content: copy`; remove it",
    "rides_twice": "`{what}` rides along already; remove one of the two",
    "holds_no_checklist": "{side} holds no checklists; take `checklist` out of `with`, or give that side a sync of its own",
    "checklist_needs_field": "{side} holds a checklist only in a field of its own: name a paragraph field (text of several lines) as `checklist` under `{connection}.custom.{stream}`, or take `checklist` out of `with`",
    "rules_unused": "`{what}` says something only beside `with: [{what}]`; remove it",
    "bad_size": "{value} is no size; write it as a whole number with kB, MB or GB, such as 25MB",
    "direction_unused": "`direction` says something only beside `policy: rank`; remove it",
    "field_without_source": "no side of this sync would have a say in this field; leave one of them out, or let it be `both` or `read`",
    "owner_without_say": "`{name}` decides by `policy: owner`, and has no say in this field; let it be `both` or `read`",
    "transform_unfit": "`{field}` is {form:type} and cannot be transformed; remove it",
    "transform_empty": "a transform needs `read:`, `write:` or both",
    "owner_missing": "`{key}: owner` needs `owner:` beside it, one of: {known:list}",
    "owner_unused": "`owner` says something only beside `{key}: owner`; remove it",
    "person_twice": "the account {account} of `{name}` belongs to person {first} of the list already; keep one",
    "secret_in_file": "`{key}` of `{name}` is written in the file; better name an environment variable: `${{NAME}}`",
    "never_created_into": "nothing will be created in {side}: it has no entry under `create`",
    "nothing_writable": "the sync `{sync}` can write nowhere: each of its connections has `access: read`",
    "unmapped_stream": "{side} cannot take part: no mapping is known for this stream; possible are: {known:list}",
    "unmapped_kind": "{side} holds no {entity:kind}; it holds: {known:list}",
    "cannot_follow": "{side} cannot follow in {field:field}: that is only read there, or only set when a record is made",
    "unmapped_field": "{side} has no {field:field}: the field stays as it is there",
    "key_missing": "{name} is not set, so no token can be kept; set it to a key such as {example}",
    "key_malformed": "{name} is not a valid key; set it to one such as {example}",
    "trello_authorize": "open this link, signed in to Trello as the account that Keepstep shall act as, and allow access: {link}",
    "trello_token": "The token that Trello shows then",
    "token_unreadable": "the stored token `{token}` of `{connection}` cannot be opened with {name}; add the former key after a comma, or sign in again: `keepstep login {connection}`",
    "token_swapped": "the stored token `{token}` of `{connection}` belongs to another connection; sign in again: `keepstep login {connection}`",
    "login_not_needed": "`{connection}` is a {system} connection: all that it signs in with stands in the configuration",
    "login_visit": "open this page and allow what it asks for: {url}",
    "login_done": "Keepstep is signed in. You may close this page.",
    "login_pasted": "paste the whole address that the browser was sent to, even if it shows an error there",
    "login_expires": "this sign-in ends on {at:when}; Keepstep says so 30 days ahead",
    "credentials_expire": "{connection}: the sign-in ends on {at:when}; renew it before then: `keepstep login {connection}`",
}  # fmt: skip

FINDINGS: Final[dict[str, Message]] = {
    "no_route": "{entity} is to appear in {side}, but nothing says where: add an entry under `create`",
    "loss": "{side}, {record}: {field} could not be carried over ({why:reason}): {value:value}",
    "connection_failed_auth": "{connection}: the credentials are refused; sign in again: `keepstep login {connection}` ({reason})",
    "connection_failed_scope": "{connection}: the account may not do this; grant what is named here: {reason}",
    "connection_failed_unreachable": "{connection} cannot be reached: {reason}",
    "connection_failed_configured": "{connection} cannot work as configured: {reason}",
    "connection_failed": "{connection} failed: {reason}",
}  # fmt: skip

PLAN: Final[dict[str, Message]] = {
    "plan_wait": "{entity} waits in {side} ({why:reason})",
    "plan_change": "{field:field}: {before:value} -> {after:value}",
    "plan_summary": "{creates:number} to create, {updates:number} to update, {deletes:number} to delete, {waits:number} waiting",
}  # fmt: skip

REASONS: Final[dict[str, Message]] = {
    "reason.edited": "edited elsewhere",
    "reason.new": "new",
    "reason.filled": "empty here",
    "reason.policy": "decided by a policy",
    "reason.decided": "decided by a person",
    "reason.deleted": "deleted elsewhere",
    "reason.undo": "undone",
    "reason.waits_parent": "its parent is not there yet",
    "reason.waits_reference": "what it refers to is not there yet",
    "reason.waits_conflict": "a conflict is open",
    "reason.waits_intent": "an earlier write is not settled",
    "reason.waits_crawl": "not every side has been read once",
    "reason.waits_match": "a proposed match is open",
    "reason.too_long": "too long",
    "reason.transform_failed": "the transform in the configuration has no answer for it",
    "reason.transform_unfit": "the transform in the configuration makes a value of another kind of it",
    "reason.not_text": "not a text",
    "reason.not_a_number": "not a number",
    "reason.not_whole": "not a whole number",
    "reason.other_currency": "another currency",
    "reason.unknown_value": "a value without a declared meaning",
    "reason.no_such_value": "no counterpart there",
    "reason.not_an_address": "not an address on the web",
    "reason.several_people": "several people where one is meant",
    "reason.label_with_space": "a label may hold no space",
    "reason.markup_dropped": "markup that a plain text cannot show",
    "reason.unreadable": "not readable",
    "reason.no_such_field": "the place has no such field",
    "reason.other_type": "the field there has another type",
    "reason.no_such_list": "no list there stands for it",
    "reason.unknown_list": "the list has no declared meaning",
    "reason.no_such_label": "no such label there",
    "reason.cannot_be_empty": "cannot be empty there",
    "reason.section_missing": "the part that holds the fields is missing",
}

COMMANDS: Final[dict[str, Message]] = {
    "done": "done",
    "nothing_to_do": "nothing to do",
    "freshness": Plural(
        "the oldest change not yet carried over is {minutes:number} minute old",
        "the oldest change not yet carried over is {minutes:number} minutes old",
        by="minutes",
    ),
    "fresh": "every change seen has been carried over",
    "problem_at": "{file}:{line}:{column}: {text}",
    "problem_in": "{file}: {text}",
    "note": "note: {text}",
    "configuration_good": "{file}: no mistakes found",
    "configuration_bad": Plural("{count:number} mistake found", "{count:number} mistakes found"),
    "connection_good": "{connection}: signed in to {site} as {account}",
    "no_such_connection": "there is no connection `{name}`{nearest:hint}; the file has: {known:list}",
    "no_such_stream": "`{connection}` has no stream `{name}`{nearest:hint}; it has: {known:list}",
    "no_feed": "no feed of `{connection}` yields {stream}; it cannot be pulled",
    "no_mapping": "{stream} of `{connection}` has no mapping; possible are: {known:list}",
    "pulled": Plural("{count:number} record", "{count:number} records"),
    "losses": Plural("{count:number} value could not be carried over", "{count:number} values could not be carried over"),
    "loss_line": "{record}: {field} ({why:reason}): {value:value}",
    "ignored_line": "not read: {what}",
    "stopped": "stopped",
    "pulling": "reading {feed}",
    "column_system": "system",
    "column_needs": "needs",
    "column_may": "may have",
    "column_mapping": "mapping",
    "column_sandbox": "stand-in",
    "column_stream": "stream",
    "column_abilities": "can",
    "column_fields": "fields",
    "column_feed": "feed",
    "column_cost": "requests when nothing changed",
    "column_field": "field",
    "column_type": "type",
    "column_limit": "limit",
    "column_value": "value",
}  # fmt: skip

WORDS: Final[dict[str, Message]] = {
    "word.empty": "empty",
    "word.yes": "yes",
    "word.no": "no",
    "word.someone": "someone unknown",
    "word.sometime": "at an unknown time",
    "word.other": "what stands here",
    "word.hint": " (did you mean `{name}`?)",
    "word.comma": ", ",
    "word.semicolon": "; ",
    "type.text": "a text (put it in quotes)",
    "type.whole_number": "a whole number",
    "type.number": "a number",
    "type.flag": "`true` or `false`",
    "type.mapping": "keys and values",
    "type.list": "a list",
    "type.day": "a day such as 2026-11-30",
    "type.date": "a date",
    "type.url": "an address",
    "type.rich": "a formatted text",
    "type.money": "an amount of money",
    "type.choice": "a value of a list",
    "type.set": "a set of words",
    "type.person": "a person",
    "type.ref": "a reference",
    "type.refs": "references",
    "kind.customer": "customer",
    "kind.contact": "contact",
    "kind.project": "project",
    "kind.milestone": "milestone",
    "kind.task": "task",
    "kind.comment": "comment",
    "kind.attachment": "file",
    "kind.folder": "folder",
    "kind.document": "document",
    "kind.feedback": "feedback",
    "kind.change_request": "change request",
    "kind.risk": "risk",
    "kind.communication": "communication",
    "field.name": "name",
    "field.title": "title",
    "field.website": "website",
    "field.phone": "phone",
    "field.industry": "industry",
    "field.description": "description",
    "field.account_manager": "account manager",
    "field.archived": "archived",
    "field.email": "e-mail",
    "field.role": "role",
    "field.customer": "customer",
    "field.stage": "stage",
    "field.status": "status",
    "field.start_date": "start date",
    "field.due_date": "due date",
    "field.actual_end": "actual end",
    "field.revenue": "revenue",
    "field.manager": "manager",
    "field.labels": "labels",
    "field.project": "project",
    "field.assignee": "assignee",
    "field.parent": "parent",
    "field.priority": "priority",
    "field.checklist": "checklist",
    "field.depends_on": "depends on",
    "field.author": "author",
    "field.created": "created",
    "field.body": "text",
    "field.category": "category",
    "field.url": "address",
    "field.folder": "folder",
    "field.mime_type": "file type",
    "field.size": "size",
    "field.content_hash": "content",
    "field.reporter": "reporter",
}

MESSAGES: Final[dict[str, Message]] = (
    CONFIGURATION
    | FINDINGS
    | TOLD
    | PLAN
    | BUDGETS
    | SERVING
    | REASONS
    | COMMANDS
    | WORK
    | KEEPING
    | MATCHING
    | TASKS
    | WORDS
    | DEMO
    | SIGN_IN_JIRA
    | SYMPTOMS
    | PREPARING
    | CONFORMANCE
    | SIGN_IN_ZOHO
    | LINEAGE
)

__all__ = ["MESSAGES", "Message", "Plural"]
