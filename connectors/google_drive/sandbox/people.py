"""People of the stand-in, by name: everybody has an address and a permission id made from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

DOMAIN = "acme.example"
HUB = "Keepstep"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str

    @property
    def permission_id(self) -> str:
        return str(int(hashlib.sha256(self.email.encode()).hexdigest()[:16], 16)).zfill(20)[:20]

    def shown_to(self, viewer: Person) -> dict[str, Any]:
        """The resource ``User`` as that viewer gets it."""
        return {
            "kind": "drive#user",
            "displayName": self.name,
            "me": self == viewer,
            "permissionId": self.permission_id,
            "emailAddress": self.email,
        }


def person(name: str) -> Person:
    """Whoever goes by that name, or has that address."""
    if "@" in name:
        return Person(name.split("@")[0], name)
    local = "".join(letter for letter in name.lower().replace(" ", ".") if letter.isascii() and letter not in "<>")
    if not local.strip("."):
        local = "p" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return Person(name, f"{local}@{DOMAIN}")
