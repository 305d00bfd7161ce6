"""What a token must be allowed, and whether it is, and whether it is allowed more.

A scope is ``service.group[.part].operation``; the operation ``ALL`` and a scope without the part cover the rest
(zoho.com/crm/developer/docs/api/v8/scopes.html).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

STANDARD = (
    "Leads", "Accounts", "Contacts", "Deals", "Campaigns", "Tasks", "Cases", "Events", "Calls", "Solutions", "Products",
    "Vendors", "Price_Books", "Quotes", "Sales_Orders", "Purchase_Orders", "Invoices", "Notes",
)  # fmt: skip
"""Modules with a scope of their own; those of the customer's own share one."""

MODULES_READ = "ZohoCRM.settings.modules.READ"
FIELDS_READ = "ZohoCRM.settings.fields.READ"
ORGANISATION = {
    "ZohoCRM.org.READ": "check",
    "ZohoCRM.users.READ": "check",
    MODULES_READ: "describe",
    FIELDS_READ: "describe",
}
"""Without these nothing can be done at all."""

SEARCH = "ZohoSearch.securesearch.READ"
LAYOUTS = "ZohoCRM.settings.layouts.READ"
NOTIFICATIONS = "ZohoCRM.notifications.ALL"

OPERATIONS = frozenset({"READ", "CREATE", "UPDATE", "DELETE"})


def of_module(module: str, operation: str) -> str:
    """The scope for one operation on one module's records."""
    part = module.replace("_", "").lower() if module in STANDARD else "custom"
    return f"ZohoCRM.modules.{part}.{operation}"


def needed(modules: Sequence[str], *, writing: bool, notified: bool) -> dict[str, str]:
    """Scope -> what it is for, in the order in which they are asked for."""
    scopes = dict(ORGANISATION)
    for module in modules:
        scopes.setdefault(of_module(module, "ALL" if writing else "READ"), module)
    if writing:
        scopes |= {SEARCH: "find", LAYOUTS: "examine"}
    if notified:
        scopes[NOTIFICATIONS] = "notifications"
    return scopes


def missing(wanted: Mapping[str, str], granted: Collection[str]) -> dict[str, str]:
    """Those of ``wanted`` that nothing granted covers, with what they are for."""
    return {scope: use for scope, use in wanted.items() if not covered(scope, granted)}


def excess(wanted: Iterable[str], granted: Iterable[str]) -> list[str]:
    """What was granted beyond what is wanted."""
    asked = set(wanted)
    return sorted(scope for scope in granted if not covered(scope, asked))


def covered(scope: str, granted: Collection[str]) -> bool:
    """Whether the granted scopes, together, allow all that one scope allows."""
    group, _, operation = scope.rpartition(".")
    wanted = OPERATIONS if operation == "ALL" else {operation}
    held: set[str] = set()
    parts = group.split(".")
    for size in range(2, len(parts) + 1):
        prefix = ".".join(parts[:size])
        held |= {one for one in ("ALL", *wanted) if f"{prefix}.{one}" in granted}
    return "ALL" in held or wanted <= held


def parsed(text: str | None) -> list[str]:
    """Scopes as an answer or a page writes them: parted by spaces or commas."""
    return sorted(set((text or "").replace(",", " ").split()))
