from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mapping.people import Directory, PersonSeen, Reason

MIA_JIRA = PersonSeen("tracker", "5b1", "Mia Wong", "Mia@acme.example")
MIA_CRM = PersonSeen("crm", "900", "Wong, Mia", "mia@ACME.example")
MIA_TRELLO = PersonSeen("board", "aa", "Mia Wong")


def ids(directory: Directory) -> list[set[str]]:
    return [{account.key for account in person.accounts} for person in directory.people]


def test_equal_addresses_make_one_person_whatever_their_case() -> None:
    directory = Directory([MIA_JIRA, MIA_CRM])
    assert directory.person_of("tracker", "5b1") == directory.person_of("crm", "900") == "crm:900"
    assert directory.explain("crm:900") == (
        Reason("crm:900", "same_email", "mia@acme.example"),
        Reason("tracker:5b1", "same_email", "mia@acme.example"),
    )


def test_what_follows_a_plus_is_another_address() -> None:
    directory = Directory([MIA_JIRA, PersonSeen("crm", "901", "Mia", "mia+crm@acme.example")])
    assert ids(directory) == [{"crm:901"}, {"tracker:5b1"}]


def test_a_name_alone_is_only_a_proposal() -> None:
    directory = Directory([MIA_JIRA, MIA_TRELLO])
    assert len(directory.people) == 2
    assert [(each.why, each.people, each.value) for each in directory.proposals] == [
        ("same_name", ("board:aa", "tracker:5b1"), "mia wong")
    ]


def test_two_people_of_one_name_on_one_connection_are_not_even_proposed() -> None:
    directory = Directory([PersonSeen("tracker", "1", "王伟"), PersonSeen("tracker", "2", "王伟")])
    assert ids(directory) == [{"tracker:1"}, {"tracker:2"}]
    assert directory.proposals == ()


def test_the_table_joins_by_account_and_by_address() -> None:
    directory = Directory([MIA_JIRA, MIA_TRELLO], [{"tracker": "MIA@acme.example", "board": "aa", "crm": "77"}])
    assert ids(directory) == [{"board:aa", "crm:77", "tracker:5b1"}]
    assert directory.account_of("board:aa", "crm") == "77"
    assert {reason.why for reason in directory.explain("board:aa")} == {"configured"}
    assert directory.unresolved == ()


def test_an_address_in_the_table_that_nobody_has_is_reported() -> None:
    directory = Directory([MIA_JIRA], [{"tracker": "mai@acme.example", "board": "aa"}])
    assert directory.unresolved == (("tracker", "mai@acme.example"),)
    assert ids(directory) == [{"board:aa"}, {"tracker:5b1"}]


def test_the_table_is_stronger_than_an_address() -> None:
    directory = Directory([MIA_JIRA, MIA_CRM], [{"tracker": "5b1"}, {"crm": "900"}])
    assert ids(directory) == [{"crm:900"}, {"tracker:5b1"}]
    assert [(each.why, each.value) for each in directory.proposals] == [("configured_apart", "mia@acme.example")]


def test_an_address_that_two_active_accounts_of_a_connection_share_joins_nobody() -> None:
    one = PersonSeen("tracker", "1", "Ann", "office@acme.example")
    two = PersonSeen("tracker", "2", "Bob", "office@acme.example")
    crm = PersonSeen("crm", "9", "Office", "office@acme.example")
    directory = Directory([one, two, crm])
    assert len(directory.people) == 3
    assert [(each.why, each.people) for each in directory.proposals] == [
        ("shared_email", ("crm:9", "tracker:1", "tracker:2"))
    ]


def test_a_deactivated_account_keeps_its_person_and_gives_way_to_the_active_one() -> None:
    old = PersonSeen("tracker", "1", "Ann", "ann@acme.example", active=False)
    new = PersonSeen("tracker", "2", "Ann", "ann@acme.example")
    directory = Directory([old, new])
    assert directory.person_of("tracker", "1") == directory.person_of("tracker", "2") == "tracker:1"
    assert directory.account_of("tracker:1", "tracker") == "2"
    assert Directory([old]).account_of("tracker:1", "tracker") == "1"


def test_a_deleted_account_is_remembered() -> None:
    before = Directory([MIA_JIRA, MIA_CRM])
    after = Directory([MIA_CRM], known=before.known())
    assert after.person_of("tracker", "5b1") == "crm:900"
    assert after.account_of("crm:900", "tracker") == "5b1"


def test_a_changed_address_does_not_part_what_was_one() -> None:
    before = Directory([MIA_JIRA, MIA_CRM])
    moved = PersonSeen("crm", "900", "Mia Chen", "mia.chen@acme.example")
    after = Directory([MIA_JIRA, moved], known=before.known())
    assert after.known() == before.known()
    assert {reason.why for reason in after.explain("crm:900")} == {"remembered"}


def test_an_id_stays_when_a_smaller_key_joins() -> None:
    before = Directory([MIA_JIRA])
    after = Directory([MIA_JIRA, MIA_CRM], known=before.known())
    assert after.person_of("crm", "900") == "tracker:5b1"


def test_two_known_people_who_are_one_keep_an_alias() -> None:
    before = Directory([MIA_JIRA, MIA_TRELLO])
    shown = PersonSeen("board", "aa", "Mia Wong", "mia@acme.example")
    after = Directory([MIA_JIRA, shown], known=before.known())
    assert after.aliases == {"tracker:5b1": "board:aa"}
    assert after.resolve("tracker:5b1") == "board:aa"
    assert after.account_of("tracker:5b1", "tracker") == "5b1"


def test_a_known_id_is_not_given_to_another() -> None:
    directory = Directory([PersonSeen("a", "1"), PersonSeen("b", "2")], known={"b:2": "a:1"})
    assert directory.person_of("b", "2") == "a:1"
    assert directory.person_of("a", "1") == "a:1~2"


def test_nobody_is_nobody() -> None:
    directory = Directory([])
    assert directory.person_of("x", "1") is None
    assert directory.account_of("x:1", "x") is None
    assert directory.explain("x:1") == ()


connections = st.sampled_from(["crm", "tracker", "board"])
addresses = st.sampled_from([None, "a@x.example", "A@x.example", "b@x.example", "a+1@x.example", "not an address"])
accounts = st.builds(
    PersonSeen,
    connection=connections,
    account=st.sampled_from(["1", "2", "3"]),
    name=st.sampled_from([None, "Ann", "ann ", "王伟"]),
    email=addresses,
    active=st.booleans(),
)
tables = st.lists(st.dictionaries(connections, st.sampled_from(["1", "2", "9", "b@x.example"])), max_size=3)
knowns = st.dictionaries(
    st.sampled_from(["crm:1", "crm:2", "tracker:1", "tracker:7", "board:3"]), st.sampled_from(["crm:1", "p", "q"])
)


def facts(directory: Directory) -> Any:
    return directory.known(), directory.proposals, directory.aliases, directory.unresolved


@given(st.lists(accounts, max_size=9), tables, knowns, st.randoms(use_true_random=False))
def test_the_order_of_input_makes_no_difference(
    seen: list[PersonSeen], table: list[dict[str, str]], known: dict[str, str], rng: Any
) -> None:
    first = facts(Directory(seen, table, known))
    rng.shuffle(seen)
    rng.shuffle(table)
    shuffled = dict(sorted(known.items(), key=lambda _: rng.random()))
    assert facts(Directory(seen, table, shuffled)) == first


@given(st.lists(accounts, max_size=9), tables, knowns)
def test_a_second_look_changes_nothing(
    seen: list[PersonSeen], table: list[dict[str, str]], known: dict[str, str]
) -> None:
    first = Directory(seen, table, known)
    again = Directory(seen, table, first.known())
    assert again.known() == first.known()
    assert again.aliases == {}
    assert [person.id for person in again.people] == [person.id for person in first.people]


@given(st.lists(accounts, max_size=9), tables, knowns)
def test_every_account_has_one_person_and_only_proof_joins(
    seen: list[PersonSeen], table: list[dict[str, str]], known: dict[str, str]
) -> None:
    directory = Directory(seen, table, known)
    keys = [account.key for person in directory.people for account in person.accounts]
    assert len(keys) == len(set(keys))
    assert {each.key for each in seen} | set(known) <= set(keys)
    for key, former in known.items():
        connection, account = key.split(":")
        assert directory.person_of(connection, account) == directory.resolve(former)
    for person in directory.people:
        whys = {reason.why for reason in person.reasons}
        assert "alone" not in whys or len(person.accounts) == 1
