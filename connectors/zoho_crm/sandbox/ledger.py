"""Records, people, bin and timelines of the stand-in, and the rules by which a row is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from connectors.base import Clock, utc
from connectors.sandbox.truth import Entry, Truth
from connectors.zoho_crm.sandbox.metadata import ACTIVITIES, DISPLAY, EXTRAS, OWN_EXTRAS
from connectors.zoho_crm.sandbox.modules import CHINESE, FieldDef, modules, own_module
from connectors.zoho_crm.sandbox.rules import Refused, checked

HUB = "Keepstep Hub"


@dataclass(slots=True)
class Stored:
    """A record inside. References are ids, list values are as stored, times are aware."""

    id: str
    values: dict[str, Any]
    created: datetime
    modified: datetime
    se_module: str | None = None
    timeline: list[dict[str, Any]] = field(default_factory=list)
    deleted: datetime | None = None
    deleted_by: str = ""
    converted: dict[str, Any] = field(default_factory=dict)
    """What a lead has become: module -> id, and who converted it when."""


class Ledger:
    def __init__(self, clock: Clock, truth: Truth) -> None:
        self.clock = clock
        self.truth = truth
        self.offset = timezone(timedelta(hours=1))
        self.time_zone, self.currency, self.language = "Europe/Berlin", "EUR", "en_US"
        self.modules = modules()
        self.users: dict[str, dict[str, Any]] = {}
        self.live: dict[str, dict[str, Stored]] = {module: {} for module in self.modules}
        self.bin: dict[str, dict[str, Stored]] = {module: {} for module in self.modules}
        self.forbidden: set[str] = set()
        self._last_id = 4876876000000300000
        self.hub = self.person(HUB)

    # -- clock, ids, people

    def now(self) -> datetime:
        """Whole seconds, as the service stores them."""
        return self.clock.now().replace(microsecond=0)

    def text(self, moment: datetime) -> str:
        return moment.astimezone(self.offset).isoformat()

    def new_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)

    def person(self, name: str) -> str:
        """The user of that name, hired on the spot if there is none."""
        for id, user in self.users.items():
            if user["full_name"] == name:
                return id
        id = self.new_id()
        first, _, last = name.rpartition(" ")
        now = self.text(self.now())
        self.users[id] = {
            "id": id,
            "full_name": name,
            "first_name": first or None,
            "last_name": last,
            "email": f"user-{id[-6:]}@zoho.example",
            "status": "active",
            "confirm": True,
            "role": {"name": "CEO", "id": "4876876000000026005"},
            "profile": {"name": "Administrator", "id": "4876876000000026011"},
            "language": self.language,
            "locale": self.language,
            "time_zone": self.time_zone,
            "offset": int(self.offset.utcoffset(None).total_seconds() * 1000),
            "zuid": id[-9:],
            "created_time": now,
            "Modified_Time": now,
            "created_by": {"name": name, "id": id},
            "Modified_By": {"name": name, "id": id},
            "Isonline": False,
            "microsoft": False,
            "personal_account": False,
            "territories": [],
        }
        return id

    def localise(self, language: Literal["zh"]) -> None:
        """A Chinese organisation: list values as people see them, time zone and currency. Metadata classes stay."""
        self.offset = timezone(timedelta(hours=8))
        self.time_zone, self.currency, self.language = "Asia/Shanghai", "CNY", f"{language}_CN"
        for fields in self.modules.values():
            for one in fields.values():
                for pick in one.picks:
                    pick.shown = CHINESE.get(pick.stored, pick.shown)

    # -- what is shown

    def name_of(self, module: str, id: str) -> str:
        if module == "users":
            return str(self.users[id]["full_name"])
        stored = self.live.get(module, {}).get(id) or self.bin.get(module, {}).get(id)
        return str(self.value(module, stored, DISPLAY.get(module, "Name")) or "") if stored else ""

    def person_shown(self, id: str) -> dict[str, Any]:
        user = self.users[id]
        return {"name": user["full_name"], "id": id, "email": user["email"]}

    def value(self, module: str, stored: Stored, name: str) -> Any:
        """One field as a record shows it."""
        if name == "Created_Time":
            return self.text(stored.created)
        if name == "Modified_Time":
            return self.text(stored.modified)
        if name == "$se_module":
            return stored.se_module
        if name == "$currency_symbol":
            return self.currency
        one = self.modules[module].get(name)
        raw = stored.values.get(name)
        if one is None:
            return self._beside(module, stored).get(name)
        return self._shown(one, stored, raw)

    def _shown(self, one: FieldDef, stored: Stored, raw: Any) -> Any:
        if raw is None:
            return None
        if one.type == "ownerlookup":
            return self.person_shown(raw)
        if one.type == "lookup":
            target = stored.se_module if one.lookup == "$se_module" else one.lookup
            shown: dict[str, Any] = {"name": self.name_of(target or "", raw), "id": raw}
            if one.name == "Parent_Id":
                shown["module"] = {"api_name": target, "id": "4876876000000002175"}
            return shown
        if one.type == "picklist":
            return next((pick.shown for pick in one.picks if pick.stored == raw), raw)
        if one.type == "multiselectpicklist":
            return [next((pick.shown for pick in one.picks if pick.stored == each), each) for each in raw]
        if one.type == "datetime":
            return self.text(raw)
        return raw

    def whole(self, module: str, stored: Stored) -> dict[str, Any]:
        """A record with everything the service shows of it."""
        names = [*self.modules[module], *self._beside(module, stored), "id"]
        if module != "Notes":
            names.append("$currency_symbol")
        if module in (*ACTIVITIES, "Notes"):
            names.append("$se_module")
        return {name: stored.id if name == "id" else self.value(module, stored, name) for name in names}

    def part(self, module: str, stored: Stored, names: list[str]) -> dict[str, Any]:
        """A record with the fields asked for; names that the module lacks are passed over."""
        known = {*self.modules[module], *self._beside(module, stored), "$se_module", "$currency_symbol"}
        return {name: self.value(module, stored, name) for name in names if name in known} | {"id": stored.id}

    def _beside(self, module: str, stored: Stored) -> Mapping[str, Any]:
        """What stands in a record beside its fields."""
        shown = EXTRAS.get(module, OWN_EXTRAS)
        if module != "Leads":
            return shown
        return {**shown, "$converted": bool(stored.converted), "$converted_detail": stored.converted}

    # -- writing

    def create(self, module: str, row: Mapping[str, Any], actor: str, **truth: Any) -> Stored:
        fields = self.modules[module]
        now = self.now()
        stored = Stored(id=self.new_id(), values={}, created=now, modified=now, se_module=self._se_module(module, row))
        given = {name: self._checked(module, one, row[name], stored) for name, one in self._given(fields, row, actor)}
        for one in fields.values():
            if one.required and given.get(one.name) in (None, ""):
                raise Refused("MANDATORY_NOT_FOUND", "required field not found", api_name=one.name)
        stored.values = {one.name: one.start for one in fields.values() if one.start is not None} | given
        stored.values |= {"Created_By": actor, "Modified_By": actor}
        stored.values.setdefault("Owner", actor)
        self._computed(module, stored)
        self.live[module][stored.id] = stored
        self._told(stored, "added", actor, [])
        shown = {name: (None, self.value(module, stored, name)) for name in given}
        self._log("create", module, stored.id, actor, shown, truth)
        return stored

    def update(
        self, module: str, stored: Stored, row: Mapping[str, Any], actor: str, quiet: bool, **truth: Any
    ) -> None:
        """``quiet``: a change that changes nothing leaves no trace; otherwise the record counts as modified."""
        fields = self.modules[module]
        before = {name: self.value(module, stored, name) for name in fields}
        se_module = self._se_module(module, row) or stored.se_module
        trial = Stored(stored.id, dict(stored.values), stored.created, stored.modified, se_module)
        for name, one in self._given(fields, row, actor):
            value = self._checked(module, one, row[name], trial)
            if one.required and value in (None, ""):
                raise Refused("MANDATORY_NOT_FOUND", "required field not found", api_name=name)
            trial.values[name] = value
        self._computed(module, trial)
        if quiet and trial.values == stored.values and trial.se_module == stored.se_module:
            return
        stored.values, stored.se_module = trial.values, trial.se_module
        stored.modified = max(self.now(), stored.modified)
        stored.values["Modified_By"] = actor
        system = ("Modified_Time", "Modified_By")
        after = {name: self.value(module, stored, name) for name in fields if name not in system}
        changes = {name: (before[name], after[name]) for name in after if before[name] != after[name]}
        if changes:
            self._told(stored, "updated", actor, [self._history(fields[name], *pair) for name, pair in changes.items()])
        self._log("update", module, stored.id, actor, changes, truth)

    def delete(self, module: str, id: str, actor: str, **truth: Any) -> None:
        stored = self.live[module].pop(id)
        stored.deleted, stored.deleted_by = self.now(), actor
        self.bin[module][id] = stored
        self._log("delete", module, id, actor, {}, truth)

    def restore(self, module: str, id: str, actor: str) -> None:
        stored = self.bin[module][id]
        for name, one in self.modules[module].items():
            if one.unique and stored.values.get(name) is not None:
                self._check_unique(module, one, stored.values[name], stored)
        del self.bin[module][id]
        stored.deleted = None
        stored.modified = max(self.now(), stored.modified)
        stored.values["Modified_By"] = actor
        self.live[module][id] = stored
        self._told(stored, "restored", actor, [])
        self._log("restore", module, id, actor, {}, {})

    def convert(self, id: str, actor: str) -> dict[str, str]:
        """A lead becomes a contact of an account; it stays, and lists leave it out unless asked."""
        lead = self.live["Leads"][id]
        names = {name: lead.values.get(name) for name in ("First_Name", "Last_Name", "Email") if lead.values.get(name)}
        company = lead.values.get("Company") or lead.values["Last_Name"]
        account = self.create("Accounts", {"Account_Name": company}, actor)
        contact = self.create("Contacts", names | {"Account_Name": {"id": account.id}}, actor)
        lead.converted = {
            "account": account.id,
            "contact": contact.id,
            "convert_date": self.now().date().isoformat(),
            "converted_by": actor,
        }
        lead.modified = max(self.now(), lead.modified)
        lead.values["Modified_By"] = actor
        self._told(lead, "converted", actor, [])
        self._log("update", "Leads", id, actor, {"$converted": (False, True)}, {})
        return {"Accounts": account.id, "Contacts": contact.id}

    def add_module(self, name: str, fields: list[FieldDef]) -> None:
        self.modules[name] = own_module(fields)
        self.live[name], self.bin[name] = {}, {}

    def holder(self, module: str, name: str, value: Any) -> Stored | None:
        """The live record that has this value in a unique field; letter case does not count."""
        wanted = str(value).lower()
        for stored in self.live[module].values():
            if str(stored.values.get(name) or "").lower() == wanted:
                return stored
        return None

    # -- rules

    def _se_module(self, module: str, row: Mapping[str, Any]) -> str | None:
        if module in ACTIVITIES:
            return row.get("$se_module") if row.get("What_Id") else None
        if module == "Notes" and row.get("Parent_Id"):
            parent = row["Parent_Id"]
            named = parent.get("module", {}).get("api_name") if isinstance(parent, Mapping) else None
            return named or row.get("se_module") or row.get("$se_module")
        return None

    def _checked(self, module: str, one: FieldDef, value: Any, stored: Stored) -> Any:
        if value is None:
            return None
        if one.type in ("lookup", "ownerlookup"):
            return self._reference(one, value, stored)
        plain = checked(one, value)
        if one.unique and plain:
            self._check_unique(module, one, plain, stored)
        return plain

    def _check_unique(self, module: str, one: FieldDef, value: Any, stored: Stored) -> None:
        holder = self.holder(module, one.name, value)
        if holder is not None and holder.id != stored.id:
            raise Refused("DUPLICATE_DATA", "duplicate data", api_name=one.name, id=holder.id)

    def _reference(self, one: FieldDef, value: Any, stored: Stored) -> str:
        id = str(value.get("id")) if isinstance(value, Mapping) else str(value)
        target = stored.se_module if one.lookup == "$se_module" else one.lookup
        known = self.users if target == "users" else self.live.get(target or "", {})
        if id not in known:
            raise Refused("INVALID_DATA", "the id given seems to be invalid", api_name="id", parent_api_name=one.name)
        return id

    def _computed(self, module: str, stored: Stored) -> None:
        values = stored.values
        if module in ("Contacts", "Leads"):
            # As Zoho joins it for users who have not chosen another order.
            parts = (values.get(name) for name in ("Salutation", "First_Name", "Last_Name"))
            values["Full_Name"] = " ".join(filter(None, parts))
        elif module == "Deals":
            picks = self.modules["Deals"]["Stage"].picks
            values["Probability"] = next((pick.probability for pick in picks if pick.stored == values["Stage"]), None)
            if values.get("Amount") is not None:
                values["Expected_Revenue"] = values["Amount"] * (values["Probability"] or 0) / 100
        elif module == "Tasks":
            done = values.get("Status") == "Completed"
            values["Closed_Time"] = (values.get("Closed_Time") or self.now()) if done else None

    # -- telling

    def _history(self, one: FieldDef, old: Any, new: Any) -> dict[str, Any]:
        return {
            "api_name": one.name,
            "data_type": "text" if one.type == "tag" else one.type,
            "field_label": one.label or one.name.replace("_", " "),
            "id": "4876876000000002385",
            "enable_colour_code": False,
            "pick_list_values": [],
            "_value": {"old": _as_text(old), "new": _as_text(new)},
        }

    def _told(self, stored: Stored, action: str, actor: str, history: list[dict[str, Any]]) -> None:
        entry = {
            "id": self.new_id(),
            "audited_time": self.text(self.now()),
            "action": action,
            "source": "crm_api" if actor == self.hub else "crm_ui",
            "extension": None,
            "type": None,
            "done_by": {"name": self.users[actor]["full_name"], "id": actor},
            "related_record": None,
            "automation_details": None,
            "record": {"id": stored.id, "name": ""},
            "field_history": history or None,
        }
        stored.timeline.insert(0, entry)

    def _given(self, fields: Mapping[str, FieldDef], row: Mapping[str, Any], actor: str) -> list[tuple[str, FieldDef]]:
        """What nobody may set, and what our account may not, is passed over without a word."""
        known = [(name, fields[name]) for name in row if name in fields and not fields[name].read_only]
        return [(name, one) for name, one in known if not (one.withheld and actor == self.hub)]

    def _log(
        self, kind: str, module: str, id: str, actor: str, changes: dict[str, tuple[Any, Any]], truth: dict[str, Any]
    ) -> Entry:
        at = utc(self.clock.now())
        name = self.users[actor]["full_name"]
        return self.truth.add(at=at, actor=name, kind=kind, stream=module, id=id, changes=changes, **truth)


def _as_text(value: Any) -> str | None:
    """The timeline knows texts only: references by name, tags by their names."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return str(value.get("name"))
    if isinstance(value, list):
        return ",".join(str(item.get("name") if isinstance(item, Mapping) else item) for item in value)
    return str(value)
