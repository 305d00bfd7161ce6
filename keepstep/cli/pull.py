"""``keepstep pull CONNECTION STREAM``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from connectors.base import Connector, Description, Ignored, Record, Unreadable
from keepstep.cli.session import WRONG, Session, Trouble, talking_to
from keepstep.problems import Problem, nearest
from mapping.fields import Mapper
from mapping.model import Mapped

BATCH = 100


@click.command(
    help="Write a stream's records to standard output in canonical words, one JSON object a line. "
    "Writes nothing anywhere else."
)
@click.argument("connection")
@click.argument("stream")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records.")
@click.option("--losses", is_flag=True, help="List on standard error what could not be carried over.")
@click.pass_context
def pull(ctx: click.Context, connection: str, stream: str, limit: int | None, losses: bool) -> None:
    session: Session = ctx.obj
    chosen, output = session.connection(connection), session.output
    count = lost = 0
    ignored: list[Ignored] = []
    unreadable: list[Unreadable] = []
    with talking_to(connection):
        connector = session.connector(chosen, "read")
        description = connector.describe()
        mapper = _mapper(session, connection, stream, description)
        for record in islice(records(session, connection, connector, description, stream, ignored, unreadable), limit):
            mapped = None if record.deleted or record.forbidden else mapper.canon(record)
            output.document(line(connection, record, mapped))
            count += 1
            for loss in mapped.losses if mapped else ():
                lost += 1
                if losses:
                    params = {"record": record.id, "field": loss.field, "why": loss.why, "value": loss.value}
                    output.warn(session.say("loss_line", **params))
    output.warn(session.say("pulled", count=count))
    if lost:
        output.warn(session.say("losses", count=lost))
    for row in unreadable:
        params = {"connection": connection, "stream": row.stream, "record": row.id, "reason": row.why}
        output.warn(session.say("pulled_unreadable", **params))
    if ignored:
        what = session.listed(sorted({each.what for each in ignored}))
        output.warn(session.say("pulled_unread", connection=connection, count=len(ignored), what=what))


def line(connection: str, record: Record, mapped: Mapped | None) -> dict[str, Any]:
    """What is told of one record."""
    return {
        "connection": connection,
        "stream": record.stream,
        "id": record.id,
        "kind": mapped.kind.value if mapped else None,
        "state": "deleted" if record.deleted else "forbidden" if record.forbidden else "live",
        "version": record.version,
        "modified_at": record.modified_at,
        "url": (mapped.url if mapped else None) or record.url,
        "values": mapped.values if mapped else {},
    }


def records(
    session: Session,
    connection: str,
    connector: Connector,
    description: Description,
    stream: str,
    ignored: list[Ignored],
    unreadable: list[Unreadable],
) -> Iterator[Record]:
    """Each version of a record once, however often it is repeated; hints are fetched.

    Raises ``Trouble`` if no feed yields the stream.
    """
    feeds = [feed.name for feed in description.feeds if stream in feed.streams]
    if not feeds:
        raise Trouble(Problem("no_feed", {"connection": connection, "stream": stream}), WRONG)
    seen: set[tuple[str, str | None]] = set()
    for feed in feeds:
        with session.output.progress(session.say("pulling", feed=feed)):
            for page in connector.pull(feed):
                ignored += page.ignored
                unreadable += (row for row in page.unreadable if row.stream == stream)
                wanted = [record for record in page.records if record.stream == stream]
                hints = [record.id for record in wanted if record.partial]
                whole = [record for record in wanted if not record.partial]
                for start in range(0, len(hints), BATCH):
                    whole += connector.get(stream, hints[start : start + BATCH])
                for record in whole:
                    if (record.id, record.version) not in seen:
                        seen.add((record.id, record.version))
                        yield record


def _mapper(session: Session, connection: str, stream: str, description: Description) -> Mapper:
    streams = [each.name for each in description.streams]
    if stream not in streams:
        params = {"connection": connection, "name": stream, "nearest": nearest(stream, streams), "known": streams}
        raise Trouble(Problem("no_such_stream", params), WRONG)
    mappers = session.registry.mappers(session.connection(connection), description)
    if stream not in mappers:
        params = {"connection": connection, "stream": stream, "known": sorted(mappers)}
        raise Trouble(Problem("no_mapping", params), WRONG)
    return mappers[stream]
