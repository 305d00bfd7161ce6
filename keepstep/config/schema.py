"""What may stand in ``keepstep.yaml``: the shape of the file, before anything is looked up elsewhere."""

from __future__ import annotations

import ast
import inspect
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, SecretStr

from keepstep.config.words import (
    FORMS,
    ConnectionName,
    Currency,
    Duration,
    FieldName,
    FormName,
    Limit,
    Side,
    SideText,
    Size,
    SyncName,
    WatchedText,
    Zone,
    duration,
    form,
    size,
)
from mapping.fields import Declared
from mapping.model import Kind

Language = Literal["en", "zh-CN"]
Category = Literal["plan", "requirements", "design", "test", "report"]
Riding = Literal["comments", "checklist", "attachments"]
Plain = str | int | float | bool


class Part(BaseModel):
    """A part of the file: it has these keys and no others, and never changes once read.

    Only the whole file is validated, so that only its validator is built, when it is needed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Expressions(Part):
    """How a field's values are transformed, as expressions (CEL) over ``value``."""

    read: str | None = None
    """On the way in; without it values are taken as they are."""
    write: str | None = None
    """On the way out; without it the field is not written."""


class ConnectionKeys(Part):
    """What every connection may say; the other keys are its system's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    system: str
    """Which connector it uses: ``keepstep connectors`` lists them."""
    access: Literal["read", "write"] = "write"
    """``read``: its session refuses every request that writes."""
    timezone: Zone | None = None
    """Where a day begins, if not in the file's own zone."""
    currency: Currency = "EUR"
    """Of amounts that name none."""
    budget: Limit | None = None
    """What it may send: a part of what its service allows (``25%``), or so many requests a day (``5000``).

    If not said: a quarter of the day's requests, where the service counts them by the day.
    """
    labels: dict[Kind, str] = {}
    """Kind of thing -> the label or tag by which the system marks such records."""
    custom: dict[str, dict[str, str]] = {}
    """Stream -> canonical field -> the system's field, where it is not the usual one."""
    values: dict[str, dict[str, str]] = {}
    """Canonical field -> the system's value -> canonical value."""
    transforms: dict[str, dict[str, Expressions]] = {}
    """Stream -> canonical field -> what its values pass through on the way in and out."""


class FieldRule(Part):
    """Who wins when several people changed one field differently."""

    policy: Literal["ask", "owner", "newest", "set", "append", "rank"] = "ask"
    owner: str | None = None
    """With ``policy: owner``: the connection whose value holds."""
    direction: Literal["forward", "backward"] | None = None
    """With ``policy: rank``: whether the further or the earlier status wins; ``forward`` if not said."""
    sides: dict[str, Declared] = {}
    """Connection -> ``read`` (edits there travel, nothing is written), ``follow`` (it is written, and what people
    change there is set back), ``off`` (neither). ``both`` if not said."""


class Comments(Part):
    """How a sync's comments are carried."""

    older: Literal["leave", "carry"] = "leave"
    """Comments from before a thing was linked: they stay where they are, or are carried as well."""


class Attachments(Part):
    """How the files on a sync's things are carried."""

    older: Literal["leave", "carry"] = "leave"
    """Files from before a thing was linked: they stay where they are, or are carried as well."""
    largest: Size = Field(default_factory=lambda: size("25MB"))
    """The largest file that is carried, such as ``25MB``; less where a system takes less."""


class Sync(Part):
    """Streams that hold the same kind of thing, and how they are kept in step."""

    entity: Kind
    sides: list[SideText] = Field(min_length=1)
    mode: Literal["observe", "propose", "write"] = "observe"
    """``propose``: a person approves each plan."""
    where: str | None = None
    """An expression (CEL): which things belong; the others are parked."""
    create: dict[SideText, dict[str, Plain]] = {}
    """Side -> where new records are placed. A side that is not named is updated, never created into.

    A text that begins with ``=`` is an expression (CEL) over the entity, any other is taken as it stands.
    """
    match: list[str] = []
    """Canonical fields that together tell that two records are the same thing."""
    first: Literal["ask", "owner", "newest"] = "ask"
    """Who wins where records differ that are linked for the first time."""
    owner: str | None = None
    """With ``first: owner``: the connection whose values hold."""
    fields: dict[str, FieldRule] = {}
    riding: list[Riding] = Field(default=[], alias="with")
    """What is carried along with the things: their comments, their checklists, the files on them."""
    comments: Comments = Comments()
    attachments: Attachments = Attachments()
    content: Literal["link", "copy"] = "link"
    """Of documents: they are linked, or copied with their bytes to sides that hold bytes."""
    largest: Size = Field(default_factory=lambda: size("100MB"))
    """With ``content: copy``: the largest document that is copied; less where a system takes less."""
    every: Duration = Field(default_factory=lambda: duration("5m"))
    leave: Literal["park"] = "park"
    """What becomes of a linked record that stops matching ``where``."""
    deletes: Literal["flag", "archive", "propagate"] = "flag"
    """What becomes of the others when a person deletes one side's record."""


class ChangesToTasks(Part):
    """Customer changes that become tasks."""

    watch: list[WatchedText] = Field(min_length=1)
    create_in: SideText | None = None


class Documents(Part):
    categories: list[Category] = ["plan", "requirements", "design", "test", "report"]


class Handoffs(Part):
    since: date | None = None
    """Day from which handoffs count; by default the day of the first applied plan."""
    use: list[str] = []


class FirstSync(Part):
    won_days: int = Field(default=90, ge=0, le=36_500)
    """Deals won within so many days take part in the first sync; older ones may be matched, never created."""


class Retention(Part):
    """How long what has happened is kept. What something open still needs is kept longer."""

    before_images: Duration = Field(default_factory=lambda: duration("90d"))
    """What records held before they were written: so long can a run be undone, or an accepted match be parted."""
    audit: Duration = Field(default_factory=lambda: duration("400d"))
    """Lines of the audit, findings that are over, and runs."""
    prefect_runs: Duration = Field(default_factory=lambda: duration("14d"))
    """Runs in Prefect's own database, and their artifacts."""


class _InShort:
    """A text that stands for a whole part of the file, as an editor is to know."""

    def __init__(self, text: dict[str, Any]) -> None:
        self._text = {"type": "string"} | text

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [self._text, handler(core)]}


Label = Annotated[
    dict[Language, str],
    BeforeValidator(lambda said: dict.fromkeys(get_args(Language), said) if isinstance(said, str) else said),
    _InShort({}),
]


class NewField(Part):
    """A field of one's own, kept where ``custom`` of a connection says."""

    form: FormName
    """What its values are."""
    values: list[str] = []
    """With ``form: choice``: the values there are, from the least to the furthest. A system's value that says the same,
    in any case, means it; others need a line under ``values`` of the connection."""
    label: Label = {}
    """What people call it, in all languages or by language; if not said, its name with blanks."""


NewFieldText = Annotated[
    NewField,
    BeforeValidator(lambda declared: {"form": form(declared)} if isinstance(declared, str) else declared),
    _InShort({"enum": FORMS}),
]
"""A form alone is a field of which there is nothing else to say."""


class File(Part):
    """A whole ``keepstep.yaml``."""

    version: Literal[1]
    store: SecretStr = SecretStr("sqlite:///keepstep.db")
    """Address of the store's database; it may hold a password, so it is never shown."""
    language: Language = "en"
    timezone: Zone = "UTC"
    fields: dict[Kind, dict[FieldName, NewFieldText]] = {}
    """Kind of thing -> fields of one's own: their form (``text``), or form and more."""
    connections: dict[ConnectionName, ConnectionKeys] = Field(min_length=1)
    syncs: dict[SyncName, Sync] = {}
    changes_to_tasks: ChangesToTasks | None = None
    documents: Documents = Documents()
    handoffs: Handoffs = Handoffs()
    people: list[dict[str, str]] = []
    """One entry per person: connection -> account id or e-mail address."""
    first_sync: FirstSync = FirstSync()
    retention: Retention = Retention()


_ALIASES = {("Sync", "riding"): "with"}
"""Keys that are no names in this language."""


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    found = File.model_json_schema()
    for name, said in _said_of_fields().items():
        shape = found if name == File.__name__ else found["$defs"].get(name, {})
        for key, text in said.items():
            shape["properties"][_ALIASES.get((name, key), key)]["description"] = text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found


def _said_of_fields() -> dict[str, dict[str, str]]:
    """Class -> field -> what this file says below it.

    Pydantic could collect that too, for every process that reads a configuration: a sixth of its start.
    """
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = {}
    for part in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, below in pairwise(part.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                said = found.setdefault(part.name, {})
                said[field.target.id] = inspect.cleandoc(ast.literal_eval(below.value))
    return found


__all__ = [
    "Category",
    "ChangesToTasks",
    "ConnectionKeys",
    "Documents",
    "FieldRule",
    "File",
    "FirstSync",
    "Handoffs",
    "Language",
    "NewField",
    "Retention",
    "Side",
    "Sync",
    "schema",
]
