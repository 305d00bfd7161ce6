"""New issues and epics: fifty in a request, each with a marker inside, and moved to the status they shall have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from connectors.base import Gate, Outcome, Write, chunks
from connectors.errors import ConnectorError, EffectUnknown, GateClosed
from connectors.jira.answers import Refused, words_of
from connectors.jira.client import CREATE_BATCH, PROPERTY, Client
from connectors.jira.crawl import Recent
from connectors.jira.links import add_links, without_links
from connectors.jira.models import Created, ElementError, ErrorBody, Json
from connectors.jira.moving import ALONE, Convoy, Move
from connectors.jira.outcomes import failed
from connectors.jira.places import Places
from connectors.jira.records import MARKER_LABEL
from connectors.jira.transitions import Progress
from connectors.rows import NoRecord, id_of


class Creating:
    """Makes issues and epics of one connection."""

    def __init__(self, client: Client, places: Places, recent: Recent, convoy: Convoy) -> None:
        self._client = client
        self._places = places
        self._recent = recent
        self._convoy = convoy

    def create(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for batch in chunks(writes, CREATE_BATCH):
            bodies: list[Json] = []
            sent: list[Write] = []
            early: dict[str, Outcome] = {}
            for write in batch:
                try:
                    bodies.append(self._body(stream, write))
                    sent.append(write)
                except ConnectorError as error:
                    early[write.intent] = failed(write, error)
            done = early | (self._placed(sent, self._send(sent, bodies, gate), gate) if sent else {})
            yield from (done[write.intent] for write in batch)

    def _body(self, stream: str, write: Write) -> Json:
        values = without_links(write.values)
        fields = {name: value for name, value in values.items() if value is not None and name != "status"}
        fields.update(self._places.of_create(stream, fields))
        body: Json = {"fields": fields}
        add_links(body, write.values)
        if "labels" in fields:
            fields["labels"] = sorted(labels_meant(fields["labels"], set()))
        if write.marker:
            fields["labels"] = [*fields.get("labels", ()), MARKER_LABEL + write.marker]
            body["properties"] = [{"key": PROPERTY, "value": {"marker": write.marker}}]
        return body

    def _send(self, writes: Sequence[Write], bodies: Sequence[Json], gate: Gate) -> dict[str, Outcome]:
        """One bulk create. Jira makes what it can and names the rest by their place in the request."""
        try:
            answer = self._client.create_issues(bodies, gate)
        except Refused as error:
            refusals = _none_created(error)
            if refusals is None:
                return {write.intent: failed(write, error) for write in writes}
            answer = refusals
        except (ConnectorError, GateClosed) as error:
            return {write.intent: failed(write, error) for write in writes}
        wrong = {error.failedElementNumber: error for error in answer.errors}
        made = iter(answer.issues)
        if len(answer.issues) + len(wrong) != len(writes):
            unclear = EffectUnknown(f"POST /rest/api/3/issue/bulk: {len(answer.issues)} made of {len(writes)}")
            return {write.intent: failed(write, unclear) for write in writes}
        outcomes = {}
        for number, write in enumerate(writes):
            if number in wrong:
                outcomes[write.intent] = _refused(write, wrong[number])
                continue
            try:
                id = id_of(next(made))
            except NoRecord as trouble:
                unclear = EffectUnknown(f"POST /rest/api/3/issue/bulk: an answer that names no issue: {trouble}")
                outcomes[write.intent] = failed(write, unclear)
                continue
            self._recent.add(id)
            outcomes[write.intent] = Outcome(intent=write.intent, status="done", id=id)
        return outcomes

    def _placed(self, writes: Sequence[Write], outcomes: dict[str, Outcome], gate: Gate) -> dict[str, Outcome]:
        """The created issues moved to the status that they shall have. They exist, so they are done even where they
        cannot move."""
        moving = {
            str(outcome.id): write
            for write in writes
            if (outcome := outcomes[write.intent]).status == "done" and write.values.get("status")
        }
        if not moving:
            return outcomes
        trouble: dict[str, ConnectorError | GateClosed] = {}
        try:
            looks = self._convoy.seen(list(moving))
            groups = self._convoy.groups(Move.of(write, looks[id]) for id, write in moving.items() if id in looks)
            together = [id for group in groups for id in group.members]
            arrivals = self._convoy.go(groups, gate)
            looks |= self._convoy.seen([id for id in together if arrivals[id] == ALONE])
        except (ConnectorError, GateClosed) as error:
            trouble, arrivals, looks = dict.fromkeys(moving, error), {}, {}
        for id, write in moving.items():
            arrival = arrivals.get(id, ALONE)
            if arrival.trouble is not None:
                trouble[id] = arrival.trouble
            elif not arrival.there and id not in trouble:
                try:
                    self._convoy.alone(Move.of(write, looks.get(id)), without_links(write.values), gate, Progress())
                except (ConnectorError, GateClosed) as error:
                    trouble[id] = error
        for id, why in trouble.items():
            code = why.code if isinstance(why, ConnectorError) else ""
            outcomes[moving[id].intent] = msgspec.structs.replace(
                outcomes[moving[id].intent], reason=f"created, but not moved: {why}", code=code, field="status"
            )
        return outcomes


def labels_meant(given: Any, there: set[str]) -> set[str]:
    """The labels meant: a list is all of them, ``add`` and ``remove`` start from what is there."""
    if isinstance(given, dict):
        return (there | set(given.get("add") or ())) - set(given.get("remove") or ())
    return set(given or ())


def _none_created(error: Refused) -> Created | None:
    """A bulk create of which every element was refused answers 400 in the shape of a success."""
    try:
        answer = msgspec.json.decode(error.body, type=Created)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return answer if answer.errors else None


def _refused(write: Write, error: ElementError) -> Outcome:
    reasons = msgspec.convert(error.elementErrors, ErrorBody)
    words, field = words_of(reasons)
    return Outcome(intent=write.intent, status="refused", reason=words, code=str(error.status), field=field)
