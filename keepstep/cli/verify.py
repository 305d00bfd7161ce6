"""``keepstep verify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from keepstep.cli.looking import unreachable
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, Session
from keepstep.cli.values import Reading
from keepstep.engine.strays import Census, Stray
from keepstep.engine.verify import Checked
from keepstep.engine.world import Sync
from keepstep.hub import Hub


@click.command(
    help="Read all linked records anew and compare them with what is agreed. Writes nothing, and may run beside syncs. "
    "Exit code 3 if anything differs that Keepstep is not just about to write."
)
@click.argument("sync", nargs=-1)
@click.pass_context
def verify(ctx: click.Context, sync: tuple[str, ...]) -> None:
    session: Session = ctx.obj
    names = session.syncs(sync)
    with session.hub() as hub:
        lost = unreachable(session, hub, names)
        done = [Verifying(session, hub, each).whole() for each in hub.syncs(names)]
    if session.output.as_json:
        session.output.document({"syncs": done, "unreachable": lost})
    if lost or any(each["unread"] for each in done):
        ctx.exit(FAILED)
    if any(each["differs"] for each in done):
        ctx.exit(NEEDS_A_PERSON)


class Verifying:
    """Verifies one sync, and says what is not in step as it comes upon it."""

    def __init__(self, session: Session, hub: Hub, sync: Sync) -> None:
        self._session = session
        self._hub = hub
        self._sync = sync

    def whole(self) -> dict[str, Any]:
        """The whole result as data; what is in step is only counted."""
        session, sync, output = self._session, self._sync, self._session.output
        verifier, census = self._hub.engine.verifier(sync), Census(self._hub.ports, sync)
        counts: Counter[str] = Counter()
        links: list[dict[str, Any]] = []
        strays: list[dict[str, Any]] = []
        with output.progress(session.say("verifying", sync=sync.name)):
            for checked in verifier.links():
                counts[checked.standing] += 1
                if checked.standing != "even":
                    links.append(self._link(checked))
            for stray in census.strays():
                counts[stray.standing] += 1
                strays.append(self._stray(stray))
        unread = {side: session.redaction.text(str(e)) for side, e in (verifier.failed | census.failed).items()}
        done = {
            "name": sync.name,
            "links": links,
            "strays": strays,
            "counts": dict(sorted(counts.items())),
            "differs": sum(each["differs"] for each in links) + len(strays),
            "unread": dict(sorted(unread.items())),
        }
        self._show(done)
        return done

    def _link(self, checked: Checked) -> dict[str, Any]:
        with self._hub.store.read() as tx:
            reading = Reading(tx, self._session)
            fields = [
                {
                    "field": point.field,
                    "standing": point.standing,
                    "shown": reading.value(self._sync.kind, point.field, point.shown),
                    "agreed": reading.value(self._sync.kind, point.field, point.agreed),
                    "since": point.since,
                    "by": reading.author(checked.side, point.by),
                    "finding": point.finding,
                }
                for point in checked.fields
            ]
        names = ("entity", "title", "side", "record", "url", "standing", "since", "finding", "differs")
        return {name: getattr(checked, name) for name in names} | {"fields": fields}

    def _stray(self, stray: Stray) -> dict[str, Any]:
        names = ("side", "record", "standing", "title", "url", "since", "entity", "first", "finding")
        return {name: getattr(stray, name) for name in names}

    # -- in words

    def _show(self, done: Mapping[str, Any]) -> None:
        session, output, say = self._session, self._session.output, self._session.say
        output.line(say("status_sync", sync=self._sync.name, mode=say(f"mode.{self._sync.mode}")))
        for link in done["links"]:
            if link["differs"]:
                self._line("  ", "verify_line", link, url=link["url"])
                for field in link["fields"]:
                    self._line("    ", "verify_field", field)
        for stray in done["strays"]:
            self._line("  ", "verify_stray", stray, url=stray["url"])
        counts = done["counts"]
        total = sum(counts.values()) - len(done["strays"])
        even = say("verify_even", count=counts.get("even", 0), total=total) if total else say("verify_nothing")
        output.line("  " + even)
        for standing, count in counts.items():
            if standing != "even":
                output.line("    " + say("verify_count", standing=standing, count=count))
        for side, reason in done["unread"].items():
            output.warn(session.say("verify_unread", side=side, reason=reason))

    def _line(self, indent: str, code: str, each: Mapping[str, Any], url: str | None = None) -> None:
        say = self._session.say
        more = [say(code, **each)]
        if each.get("first"):
            more.append(say("verify_first", side=each["side"], first=each["first"]))
        if each["since"]:
            more.append(say("verify_since", at=each["since"]))
        if each.get("by"):
            more.append(say("verify_by", by=each["by"]))
        if each["finding"]:
            more.append(say("verify_finding", id=each["finding"]))
        self._session.output.line(indent + cell(self._session.listed(more) + (f"  {url}" if url else "")))
