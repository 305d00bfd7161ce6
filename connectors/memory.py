"""The connector that is example and test double: it talks to a ``MemoryService`` as others talk over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from connectors.base import (
    Abilities,
    Account,
    Change,
    Costs,
    Description,
    Feed,
    Field,
    Gate,
    Outcome,
    Page,
    Price,
    Record,
    Stream,
    Write,
    chunks,
)
from connectors.content import Download
from connectors.context import ConnectorPlugin, Context
from connectors.errors import (
    EffectUnknown,
    GateClosed,
    NotFound,
    RateLimited,
    RecordRefused,
    Stale,
    Transient,
    WriteForbidden,
)
from connectors.examining import Symptom
from connectors.memory_service import (
    BOT,
    COMMENTS,
    FILES,
    PUT,
    SAID,
    STREAM,
    Item,
    MemoryService,
    Traits,
    place,
    version,
)
from connectors.preparing import Addition
from connectors.proving import Proving, Trial

T = TypeVar("T")

MARKER_FIELD = "keepstep_marker"


class Memory:
    """The connector to a ``MemoryService``."""

    def __init__(self, service: MemoryService, read_only: bool = False) -> None:
        self.service = service
        self._read_only = read_only

    @property
    def calls(self) -> int:
        return len(self.service.requests)

    @property
    def units(self) -> int:
        return self.calls

    def check(self) -> Account:
        return Account(id=BOT, name="Keepstep", site="memory")

    def describe(self) -> Description:
        traits = self.service.traits
        abilities = Abilities(
            create=True,
            update=True,
            delete=True,
            guarded=traits.guarded,
            history=traits.history,
            versioned=traits.versioned,
            returns_record=traits.returns_record,
            marker=traits.marker,
            batch=traits.batch,
            hides=traits.hides,
            search_lag=traits.lag,
            costs=Costs(history=(Price(1, 1000),)),
        )
        fields = [Field(name=name) for name in traits.fields]
        streams = [Stream(name=STREAM, abilities=abilities, fields=fields)]
        if traits.comments:
            talk = msgspec.structs.replace(abilities, history=False, audience=traits.audience)
            said = [Field(name=name, writable=name in ("text", "item")) for name in SAID]
            streams.append(Stream(name=COMMENTS, abilities=talk, fields=said, parent=STREAM))
        if traits.files:
            put = msgspec.structs.replace(
                abilities, history=False, update=False, content=traits.files, audience=traits.audience
            )
            shown = [Field(name=name, writable=name in ("name", "item")) for name in PUT]
            streams.append(Stream(name=FILES, abilities=put, fields=shown, parent=STREAM))
        return Description(
            system="memory",
            streams=streams,
            feeds=[Feed(name=STREAM, streams=[each.name for each in streams], cost=1, deletes=traits.deletes)],
            limits={"titles": "capitals"} if traits.shouts else {},
        )

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        since = place(cursor)
        complete = cursor is None
        while True:
            page, more = self._read("pull", lambda start=since: self._listed(start))
            since = page[-1].seq if page else since
            held_back = self._invisible_after(since)
            records = [self._record(item) for item in page if complete is False or not item.deleted]
            yield Page(
                records=records, cursor=str(since), last=not more, complete=complete and not more and not held_back
            )
            if not more:
                return

    def _listed(self, since: int) -> tuple[list[Item], bool]:
        """What the index shows. It never shows a later change before an earlier one, so that no cursor skips one."""
        now = self.service.clock.monotonic()
        found = []
        for item in sorted(self.service.items.values(), key=lambda each: each.seq):
            if item.seq <= since:
                continue
            if item.visible_at > now:
                break
            if (not item.deleted or self.service.traits.deletes) and item.id not in self.service.denied:
                found.append(item)
        size = self.service.traits.page
        return found[:size], len(found) > size

    def _invisible_after(self, since: int) -> bool:
        return any(item.seq > since for item in self.service.items.values())

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        for part in chunks(list(dict.fromkeys(ids)), 100):
            for key, item in self._read(
                "get", lambda wanted=part: [(each, self.service.items.get(each)) for each in wanted]
            ):
                if item is None or (self.service.traits.hides and (item.deleted or key in self.service.denied)):
                    yield Record(stream=stream, id=key, deleted=True)
                elif key in self.service.denied:
                    yield Record(stream=stream, id=key, forbidden=True)
                else:
                    yield self._record(item)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        if self._read_only:
            raise WriteForbidden("this connection is configured `access: read`")
        for write in writes:
            yield self._push(write, gate, f"write/{write.kind}", partial(self.service.write, write, stream))

    def _push(self, write: Write, gate: Gate, name: str, work: Callable[[], Item]) -> Outcome:
        try:
            gate()
            item: Item = self.service.serve(name, work)
        except GateClosed as error:
            return Outcome(intent=write.intent, status="not_sent", reason=str(error))
        except RateLimited as error:
            return Outcome(intent=write.intent, status="not_sent", reason=str(error), retry_after=error.retry_after)
        except EffectUnknown as error:
            return Outcome(intent=write.intent, status="unknown", reason=str(error))
        except NotFound as error:
            return Outcome(intent=write.intent, status="gone", reason=str(error))
        except Stale as error:
            return Outcome(intent=write.intent, status="stale", reason=str(error))
        except RecordRefused as error:
            if error.code == "exists":
                return Outcome(intent=write.intent, status="done", id=write.reserved_id)
            return Outcome(intent=write.intent, status="refused", reason=str(error), field=error.field)
        traits = self.service.traits
        return Outcome(
            intent=write.intent,
            status="done",
            id=item.id,
            record=self._record(item) if traits.returns_record and write.kind != "delete" else None,
            version=version(item) if traits.versioned else None,
        )

    def download(self, stream: str, id: str) -> Download:
        """See ``connectors.content``."""
        item: Item | None = self._read("download", lambda: self.service.items.get(id))
        if item is None or item.deleted:
            raise NotFound(f"download {id}", status=404)
        return Download(str(item.values["name"]), "text/plain", iter([item.body]), len(item.body))

    # -- optional facets

    def examine(self) -> list[Symptom]:
        """A missing right to write, and edits that go unseen where there is neither a version check nor a history."""
        traits = self.service.traits
        lacks = self._read("examine", lambda: set(self.service.lacks))
        found = []
        if "write" in lacks and not self._read_only:
            found.append(
                Symptom(code="scope_missing", severity="error", params={"scope": "write", "needed_for": "push"})
            )
        if not self._read_only and not traits.guarded and not traits.history:
            found.append(Symptom(code="window", severity="info", params={"stream": STREAM}))
        return found

    def additions(self) -> list[Addition]:
        """The field that holds markers, where the service has markers."""
        if self.service.traits.marker not in ("unique_field", "in_create"):
            return []
        present = self._read("additions", lambda: MARKER_FIELD in self.service.fields_added)
        return [
            Addition(
                id=f"field:{STREAM}.{MARKER_FIELD}",
                kind="field",
                name=MARKER_FIELD,
                stream=STREAM,
                purpose="marker",
                grant="fields",
                present=present,
            )
        ]

    def add(self, id: str, gate: Gate) -> None:
        self._prepare(id, gate, "add", self.service.add_field, wanted=True)

    def remove(self, id: str, gate: Gate) -> None:
        self._prepare(id, gate, "remove", self.service.remove_field, wanted=False)

    def _prepare(self, id: str, gate: Gate, verb: str, act: Callable[[str], None], *, wanted: bool) -> None:
        known = {each.id: each for each in self.additions()}
        if id not in known:
            raise ValueError(f"the memory service has no addition {id}")
        if self._read_only:
            raise WriteForbidden("this connection is configured `access: read`")
        if known[id].present != wanted:
            gate()
            self.service.serve(f"write/{verb}", lambda: act(MARKER_FIELD))

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        if self._read_only:
            raise WriteForbidden("this connection is configured `access: read`")
        writes = [Write(intent=id, kind="update", id=id) for id in ids]
        return [self._push(write, gate, "write/unmark", partial(self.service.unmark, write.intent)) for write in writes]

    def find(self, stream: str, marker: str) -> list[Record]:
        def search() -> list[Item]:
            now = self.service.clock.monotonic()
            items = self.service.items.values()
            return [
                item
                for item in items
                if item.marker == marker
                and item.found_at <= now
                and item.stream == stream
                and item.id not in self.service.denied
            ]

        return [self._record(item) for item in self._read("find", search)]

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        def listed() -> list[Item]:
            items = self.service.items.values()
            made = [item for item in items if item.ours and item.created_at >= since and item.stream == stream]
            return [item for item in made if item.id not in self.service.denied]

        yield from [self._record(item) for item in self._read("made_since", listed)]

    def reserve(self, stream: str, count: int) -> list[str]:
        def numbers() -> list[str]:
            start = self.service._seq
            self.service._seq += count
            return [f"r{start + number:06d}" for number in range(count)]

        found: list[str] = self._read("reserve", numbers)
        return found

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        def listed() -> list[Change]:
            items = [self.service.items[id] for id in ids if id in self.service.items]
            return [change for item in items for change in item.history if change.at >= since]

        yield from self._read("history", listed)

    def ids(self, stream: str) -> Iterator[list[str]]:
        now = self.service.clock.monotonic()
        yield self._read(
            "ids",
            lambda: [
                item.id
                for item in self.service.items.values()
                if not item.deleted
                and item.visible_at <= now
                and item.stream == stream
                and item.id not in self.service.denied
            ],
        )

    def _read(self, name: str, work: Any) -> Any:
        """Ask, and ask again after transient trouble: what is safe to repeat is repeated."""
        for _ in range(4):
            try:
                return self.service.serve(name, work)
            except RateLimited as error:
                self.service.clock.wait(error.retry_after)
            except Transient:
                self.service.clock.wait(1.0)
        return self.service.serve(name, work)

    def _record(self, item: Item) -> Record:
        traits = self.service.traits
        return Record(
            stream=item.stream,
            id=item.id,
            payload={} if item.deleted else dict(item.values),
            version=version(item) if traits.versioned else None,
            deleted=item.deleted,
            marker=item.marker,
            ours=item.ours and traits.marker != "none",
            created_at=item.created_at,
            modified_at=item.changed_at,
            modified_by=item.by,
        )


class Settings(BaseModel):
    """A memory connection needs nothing; it starts empty and ends with the process."""

    model_config = ConfigDict(extra="forbid")

    guarded: bool = False
    history: bool = False
    deletes: Literal["feed", "census"] = "feed"


def build(settings: Settings, context: Context) -> Memory:
    traits = Traits(
        guarded=settings.guarded,
        history=settings.history,
        deletes=settings.deletes == "feed",
    )
    return Memory(MemoryService(context.clock, traits=traits), read_only=context.access == "read")


def _trials(place: str, description: Description) -> list[Trial]:
    values = {"title": "Keepstep conformance", "notes": "A trial"}
    edit = {"title": "Keepstep conformance, edited"}
    return [Trial(stream=STREAM, values=values, edit=edit, numbered="title", unknown="999999999999")]


PROVING = Proving(
    # It has no places: it is one, and ends with the process.
    confine=lambda settings, place: settings,
    reaches=lambda settings, place, connector: False,
    trials=_trials,
    holds=(STREAM,),
)

CONNECTOR = ConnectorPlugin(system="memory", settings=Settings, build=build, streams=(STREAM,), proving=PROVING)
