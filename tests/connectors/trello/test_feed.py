"""The board's feed against the stand-in: the crawl, the log, and what the log keeps quiet about."""

from __future__ import annotations

import pytest

from connectors.base import Record
from connectors.errors import AuthFailed, CursorLost, Forbidden, Malformed, Misconfigured, Transient
from connectors.sandbox.exchange import Request, Response
from connectors.sandbox.faults import Fault
from connectors.trello import TrelloConnector

from .conftest import World, one


def records(connector: TrelloConnector, feed: str, cursor: str | None = None) -> list[Record]:
    return [record for page in connector.pull(feed, cursor) for record in page.records]


def told(found: list[Record], stream: str) -> dict[str, Record]:
    return {record.id: record for record in found if record.stream == stream}


def test_the_crawl_lists_everything_once_archived_and_in_archived_lists_too(world: World) -> None:
    kept = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(250)]
    world.sandbox.edit("王芳", "cards", kept[0], {"closed": True})
    world.sandbox.edit("王芳", "lists", world.todo, {"closed": True})
    comment = world.make("comments", idCard=kept[1], text="你好")
    link = world.make("attachments", idCard=kept[1], url="https://example.com/a", name="A")
    world.make("checklists", idCard=kept[2], name="L", checkItems={"add": [{"name": "x"}]})
    pages = list(world.connector().pull(world.feed))
    found = [record for page in pages for record in page.records]
    assert len(found) == len({(record.stream, record.id) for record in found})
    assert set(told(found, "cards")) == set(kept)
    assert told(found, "cards")[kept[0]].payload["closed"] is True
    assert not told(found, "cards")[kept[0]].deleted
    assert told(found, "comments")[comment].payload["text"] == "你好"
    assert told(found, "comments")[comment].payload["idCard"] == kept[1]
    assert told(found, "attachments")[link].payload["idCard"] == kept[1]
    assert told(found, "lists").keys() == {world.todo, world.doing, world.done}
    assert len(told(found, "boards")) == 1
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert pages[-1].complete
    assert not any(record.partial for record in found)


def test_a_board_that_is_too_large_to_be_listed_at_once_is_listed_in_pages(world: World) -> None:
    kept = {world.make("cards", idList=world.todo, name=f"c{n}") for n in range(250)}
    world.make("checklists", idCard=min(kept), name="L", checkItems={"add": [{"name": "x"}]})
    world.sandbox.most_cards = 120
    pages = list(world.connector().pull(world.feed))
    found = [record for page in pages for record in page.records]
    assert set(told(found, "cards")) == kept
    assert len(told(found, "cards")[min(kept)].payload["checklists"]) == 1
    assert pages[-1].complete
    assert sum("/cards?" in line for line in world.sandbox.requests) <= 5
    world.sandbox.most_cards = 50
    with pytest.raises(Forbidden, match="too many cards"):
        list(world.connector().pull(world.feed))


def test_a_crawl_resumes_from_any_page_and_is_then_not_complete(world: World) -> None:
    for n in range(150):
        world.make("cards", idList=world.todo, name=f"c{n}")
    connector = world.connector()
    pages = list(connector.pull(world.feed))
    whole = {(record.stream, record.id) for page in pages for record in page.records}
    for stop in range(len(pages) - 1):
        before = {(record.stream, record.id) for page in pages[: stop + 1] for record in page.records}
        rest = list(connector.pull(world.feed, pages[stop].cursor))
        assert before | {(record.stream, record.id) for page in rest for record in page.records} == whole
        assert not rest[-1].complete
        assert rest[-1].last


def test_when_nothing_changed_one_request_is_sent(world: World) -> None:
    world.make("cards", idList=world.todo, name="c")
    connector = world.connector()
    cursor = world.crawl(connector)
    before = connector.calls
    (page,) = connector.pull(world.feed, cursor)
    assert connector.calls - before == connector.describe().feeds[0].cost == 1
    assert page.records == []
    assert page.last
    assert not page.complete


def test_more_than_a_thousand_actions_are_paged_back_to_the_cursor(world: World) -> None:
    cards = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(5)]
    connector = world.connector()
    cursor = world.crawl(connector)
    world.clock.advance(300)
    first = world.make("cards", idList=world.doing, name="made before all the noise")
    for n in range(2300):
        world.clock.advance(0.5)
        world.sandbox.edit("王芳", "cards", cards[n % 5], {"name": f"n{n}"})
    world.sandbox.requests.clear()
    found = told(records(connector, world.feed, cursor), "cards")
    assert set(found) == {*cards, first}
    assert found[cards[4]].payload["name"] == "n2299"
    assert world.sandbox.requests.count(f"GET /1/boards/{world.board}/actions") == 2


def test_many_changes_in_the_same_second_all_arrive(world: World) -> None:
    connector = world.connector()
    cursor = world.crawl(connector)
    seen: set[str] = set()
    for n in range(5):
        card = world.make("cards", idList=world.todo, name=f"c{n}")
        pages = list(connector.pull(world.feed, cursor))
        cursor = pages[-1].cursor
        fresh = {record.id for page in pages for record in page.records if record.stream == "cards"}
        assert fresh == {card}
        seen |= fresh
    assert len(seen) == 5


def test_a_deleted_card_is_told_as_deleted_an_archived_one_is_not(world: World) -> None:
    gone = world.make("cards", idList=world.todo, name="gone", checklists={"add": [{"name": "x"}]})
    away = world.make("cards", idList=world.todo, name="away")
    comment = world.make("comments", idCard=gone, text="goes with it")
    connector = world.connector()
    cursor = world.crawl(connector)
    world.sandbox.delete("李强", "cards", gone)
    world.sandbox.edit("李强", "cards", away, {"closed": True})
    found = records(connector, world.feed, cursor)
    cards = told(found, "cards")
    assert cards[gone].deleted
    assert not cards[away].deleted
    assert cards[away].payload["closed"] is True
    assert (cards[away].modified_by, cards[away].modified_by_name) == (world.sandbox.person("李强").member, "李强")
    assert told(found, "comments")[comment].deleted
    assert all(record.deleted for record in told(found, "checklists").values())


def test_a_move_to_another_board_is_not_a_delete(world: World) -> None:
    other = world.make("boards", name="Other")
    target = world.make("lists", idBoard=other, name="Doing")
    card = world.make("cards", idList=world.todo, name="moves")
    comment = world.make("comments", idCard=card, text="along")
    connector = world.connector()
    here, there = world.crawl(connector), list(connector.pull(f"board:{other}"))[-1].cursor
    world.sandbox.edit("王芳", "cards", card, {"idBoard": other, "idList": target})
    for feed, cursor in ((world.feed, here), (f"board:{other}", there)):
        found = records(connector, feed, cursor)
        assert not told(found, "cards")[card].deleted
        assert told(found, "cards")[card].scope == other
        assert not told(found, "comments")[comment].deleted


def test_a_list_that_is_archived_takes_its_open_cards_along_and_brings_them_back(world: World) -> None:
    inside = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(2)]
    world.sandbox.edit("王芳", "cards", inside[1], {"closed": True})
    outside = world.make("cards", idList=world.doing, name="d")
    connector = world.connector()
    cursor = world.crawl(connector)
    for closed in (True, False):
        world.clock.advance(61)
        world.sandbox.edit("王芳", "lists", world.todo, {"closed": closed})
        pages = list(connector.pull(world.feed, cursor))
        cursor = pages[-1].cursor
        cards = told([record for page in pages for record in page.records], "cards")
        assert set(cards) == set(inside)
        assert not any(card.deleted for card in cards.values())
        assert {card.payload.get("listClosed", False) for card in cards.values()} == {closed}
        assert [cards[id].payload["closed"] for id in inside] == [False, True]
        crawled = told([record for page in connector.pull(world.feed) for record in page.records], "cards")
        for record in connector.get("cards", [*inside, outside]):
            assert crawled[record.id].payload == record.payload
            assert "list" not in record.payload
        assert "listClosed" not in crawled[outside].payload
    world.clock.advance(61)
    world.sandbox.edit("王芳", "lists", world.todo, {"name": "Later"})
    assert not told([record for page in connector.pull(world.feed, cursor) for record in page.records], "cards")


def test_the_answer_to_a_write_says_of_a_card_s_list_what_reading_it_would(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    world.sandbox.edit("王芳", "lists", world.todo, {"closed": True})
    connector = world.connector()
    items = {"checklists": {"add": [{"name": "i"}]}}
    outcome = one(connector, "cards", "update", card, **items)
    assert outcome.record.payload["listClosed"] is next(connector.get("cards", [card])).payload["listClosed"] is True
    moved = one(connector, "cards", "update", card, idList=world.done, **items)
    assert (moved.status, moved.record) == ("done", None)  # read back by whoever wants to know
    assert "listClosed" not in next(connector.get("cards", [card])).payload


def test_a_list_that_moves_takes_its_cards_along(world: World) -> None:
    other = world.make("boards", name="Other")
    card = world.make("cards", idList=world.todo, name="rides along")
    connector = world.connector()
    cursor = world.crawl(connector)
    world.sandbox.edit("王芳", "lists", world.todo, {"idBoard": other})
    found = records(connector, world.feed, cursor)
    assert told(found, "lists")[world.todo].scope == other
    assert told(found, "cards")[card].scope == other


def test_what_the_log_keeps_quiet_about_is_seen(world: World) -> None:
    label = world.make("labels", idBoard=world.board, name="bug", color="red")
    card = world.make("cards", idList=world.todo, name="c", labels=["bug"], checklists={"add": [{"name": "x"}]})
    edited = world.make("comments", idCard=card, text="old")
    deleted = world.make("comments", idCard=card, text="bad idea")
    connector = world.connector()
    cursor = world.crawl(connector)
    item = world.sandbox.records("cards")[card]["checklists"][0]["checkItems"][0]["id"]
    world.sandbox.edit("王芳", "labels", label, {"name": "defect"})
    world.sandbox.edit("王芳", "comments", edited, {"text": "new"})
    world.sandbox.delete("王芳", "comments", deleted)
    world.sandbox.edit("王芳", "cards", card, {"checklists": {"set": [{"id": item, "name": "y"}]}})
    found = records(connector, world.feed, cursor)
    assert told(found, "labels")[label].payload["name"] == "defect"
    assert told(found, "cards")[card].payload["labels"][0]["name"] == "defect"
    assert told(found, "cards")[card].payload["checklists"][0]["checkItems"][0]["name"] == "y"
    assert told(found, "comments")[edited].payload["text"] == "new"
    assert told(found, "comments")[deleted].deleted


def test_an_action_of_an_unknown_kind_is_listed_as_ignored(world: World) -> None:
    connector = world.connector()
    cursor = world.crawl(connector)
    actor = world.sandbox.person("王芳")
    odd = world.sandbox.log(actor, "enableTimeTravel", {"board": world.sandbox.board_ref(world.board)})
    (page,) = connector.pull(world.feed, cursor)
    assert [(one.what, one.id) for one in page.ignored] == [("action enableTimeTravel", odd["id"])]


def test_a_deleted_link_is_told(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="c")
    link = world.make("attachments", idCard=card, url="https://example.com/a")
    connector = world.connector()
    cursor = world.crawl(connector)
    world.sandbox.delete("王芳", "attachments", link)
    assert told(records(connector, world.feed, cursor), "attachments")[link].deleted


def test_a_board_that_is_deleted_is_told_and_one_that_is_hidden_stops_the_feed(world: World) -> None:
    connector = world.connector()
    cursor = world.crawl(connector)
    world.sandbox.hide(world.board)
    with pytest.raises(Forbidden, match="unauthorized permission requested"):
        list(connector.pull(world.feed, cursor))
    world.sandbox.delete("王芳", "boards", world.board)
    (page,) = connector.pull(world.feed, cursor)
    assert [(record.stream, record.deleted) for record in page.records] == [("boards", True)]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("html", Malformed), ("cut_off", Malformed), ("unavailable", Transient), ("expired", AuthFailed)],
)
def test_trouble_stops_the_pull_and_never_shows_an_empty_board(world: World, kind: str, error: type) -> None:
    world.make("cards", idList=world.todo, name="c")
    connector = world.connector()
    cursor = world.crawl(connector)
    world.sandbox.faults.switch_on(Fault(kind, match="batch"))  # type: ignore[arg-type]
    with pytest.raises(error):
        list(connector.pull(world.feed, cursor))


def test_passing_trouble_is_sat_out(world: World) -> None:
    connector = world.connector()
    cursor = world.crawl(connector)
    card = world.make("cards", idList=world.todo, name="c")
    for kind in ("rate_limited", "unavailable", "lost_after"):
        world.sandbox.faults.switch_on(Fault(kind, match="batch", times=1))
    assert card in told(records(connector, world.feed, cursor), "cards")


def test_the_real_limits_are_kept_without_a_refusal(world: World) -> None:
    connector = world.connector()
    for _ in range(250):
        world.clock.advance(0.001)
        connector.check()
    assert world.clock.monotonic() > 10
    assert world.sandbox.faults.injected == {}
    assert len(world.sandbox.requests) == 250


@pytest.mark.parametrize("cursor", ["", "x", "{}", '{"at":"never"}', '{"at":"2026-01-01T00:00:00Z","v":9}'])
def test_a_cursor_that_is_none_is_lost(world: World, cursor: str) -> None:
    with pytest.raises(CursorLost):
        list(world.connector().pull(world.feed, cursor))


def test_a_feed_of_another_name_is_a_mistake(world: World) -> None:
    with pytest.raises(Misconfigured):
        list(world.connector().pull("issues"))


def test_get_gives_one_record_per_id_live_deleted_or_forbidden(world: World) -> None:
    cards = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(23)]
    secret = world.make("boards", name="secret")
    hidden = world.make("cards", idList=world.make("lists", idBoard=secret, name="L"), name="h")
    world.sandbox.hide(secret)
    world.sandbox.delete("王芳", "cards", cards[3])
    connector = world.connector()
    connector.check()
    before = connector.calls
    found = list(connector.get("cards", [*cards, cards[0], hidden, "no id at all", "0" * 24]))
    assert [record.id for record in found] == [*cards, hidden, "no id at all", "0" * 24]
    assert connector.calls - before == 3
    assert [record.deleted for record in found[:5]] == [False, False, False, True, False]
    assert (found[-3].forbidden, found[-3].deleted) == (True, False)
    assert found[-2].deleted
    assert found[-1].deleted


def test_the_census_names_all_that_lives(world: World) -> None:
    cards = {world.make("cards", idList=world.todo, name=f"c{n}") for n in range(3)}
    comment = world.make("comments", idCard=min(cards), text="t")
    link = world.make("attachments", idCard=min(cards), url="https://example.com/a")
    connector = world.connector()
    assert {id for page in connector.ids("cards") for id in page} == cards
    assert [id for page in connector.ids("comments") for id in page] == [comment]
    assert [id for page in connector.ids("attachments") for id in page] == [link]
    assert [id for page in connector.ids("boards") for id in page] == [world.board]


def test_what_an_action_of_an_unknown_kind_names_is_looked_at(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="from the inbox")
    connector = world.connector()
    cursor = world.crawl(connector)
    world.clock.advance(120)
    board = world.sandbox.board_ref(world.board)
    world.sandbox.log(world.sandbox.person("王芳"), "moveInboxCardToBoard", {"board": board, "card": {"id": card}})
    (first, *more) = connector.pull(world.feed, cursor)
    assert [each.what for each in first.ignored] == ["action moveInboxCardToBoard"]
    found = [record for page in (first, *more) for record in page.records]
    assert told(found, "cards")[card].payload["name"] == "from the inbox"


def test_a_full_page_of_the_log_is_full_whatever_is_odd_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.trello.client.PAGE", 5)
    card = world.make("cards", idList=world.todo, name="x")
    ids = {world.make("comments", idCard=card, text=str(number)) for number in range(12)}
    odd, handle = sorted(ids)[8], world.sandbox.handle

    def handled(request: Request) -> Response:
        answer = handle(request)
        return Response(answer.status, answer.body.replace(f'"id":"{odd}"'.encode(), b'"id":null'), answer.headers)

    monkeypatch.setattr(world.sandbox, "handle", handled)
    pages = list(world.connector().pull(world.feed))
    assert told([each for page in pages for each in page.records], "comments").keys() == ids - {odd}
    assert {(each.stream, each.why) for page in pages for each in page.unreadable} == {("actions", "no `id`")}
