"""What is said of keeping data, of copies of the store, and of forgetting people, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message, Plural

KEEPING: Final[dict[str, Message]] = {
    "store_no_copy": "{url} is neither a store of Keepstep nor a copy of one; name a file that `keepstep backup` wrote",
    "store_copy_there": "{url} is there already and stays as it is; name another file",
    "store_not_written": "{url} cannot be read or written: {detail}",
    "store_in_use": "the store {url} is in use; stop `keepstep serve` and every other command, wait five minutes if one was killed, then try again",
    "store_copied": "the store's tables have to change; as it was before, it is kept in {file}",
    "backup_no_file": "a store in memory cannot be copied; name a file or a PostgreSQL database under `store`",
    "store_tools_missing": "{url}: the program `{detail}` is not installed here; install the PostgreSQL client programs of the server's version",
    "store_tools_failed": "{url}: PostgreSQL's tools failed: {detail}",
    "backup_made": "the store is copied to {file} ({size:number} MB)",
    "backup_key": "tokens in it are sealed: keep the key in {name} elsewhere, without it everybody signs in anew",
    "restore_other_store": "{file} is a copy of another store than {store}; if it is meant to replace it, move {store} away first",
    "restore_copy": "the copy was taken {taken:when}; its last run was {last:when}",
    "restore_over": "it replaces {store}, whose last run was {last:when}; what was decided since is forgotten",
    "restore_over_broken": "it replaces {store}, which cannot be read",
    "restore_question": "Put the copy in place of {store}?",
    "restore_done": "{file} is the store now: {store}",
    "restore_beside": "the former store is kept in {file}",
    "restore_next": "the next round reads everything anew; each sync's first plan then waits for you and deletes nothing: keepstep plan",
    "guard_store_restored": Plural("the store was put back from a copy of {at:when}: {operations:number} operation of {sync} waits for your approval, at the earliest {until:when}", "the store was put back from a copy of {at:when}: {operations:number} operations of {sync} wait for your approval, at the earliest {until:when}", by="operations"),
    "forget_several": "several people are called {text:quoted}; name one by account: {ids:list}",
    "forget_busy": "{sync} is at work, or a write with this person's data is under way; try again in a moment",
    "forget_who": "this is {names:list}, {emails:list}: {accounts:list}",
    "forget_unknown": "no account is known for {text:quoted}; it is looked for in every text",
    "forget_rows": Plural("{table}: {count:number} row", "{table}: {count:number} rows"),
    "forget_shared": "others are called {names:list} as well, so texts with that name stay as they are",
    "forget_question": "Erase this from the store? It cannot be taken back",
    "forget_nothing": "the store holds nothing of {text:quoted}",
    "forget_done": Plural("{count:number} row was erased or struck out", "{count:number} rows were erased or struck out"),
    "forget_there": Plural("{side}: {count:number} record names this person, and stays as it is", "{side}: {count:number} records name this person, and stay as they are"),
    "forget_returns": "what a system still holds comes back into the store as soon as such a record changes there, or everything is read anew; erase it there first, then here once more",
    "forget_configured": "{file} names this person under `people`; remove the entry",
    "forget_copies": "copies of the store still hold what it held: {files:list}; so does every backup made before now",
    "forget_prefect": Plural("runs in Prefect still show it for up to {days:number} day", "runs in Prefect still show it for up to {days:number} days", by="days"),
    "field_gone": "{side}: the field {field:quoted} is gone there, so {names:fields} is neither read nor written; bring it back, or name another field under `custom`",
    "field_retyped": "{side}: the field {field:quoted} was of type {before:quoted} and is of type {after:quoted} now; {names:fields} may not be carried any more: change it back, or name another field under `custom`",
    "field_values_unknown": "{side}: {field:quoted} allows values whose meaning for {names:fields} is not known: {shown:list}; say it under `values` of the connection",
    "value_unread": "{side}: {field:quoted} shows what cannot be read, and is left as it is on those records: {shown:list}; say what it means under `values` of the connection, or mend it there",
    "record_unreadable": "{side}: a record ({record:value}) came in a form of which nothing can be made, and is left as it is on all sides while the others go on: {reason}; look at it there, and tell whoever maintains the connector if it looks right",
    "audit_forgotten": "{at:when}: a value that named a person who was forgotten since",
}  # fmt: skip
