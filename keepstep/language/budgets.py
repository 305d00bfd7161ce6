"""What is said of requests, quotas and budgets, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message

BUDGETS: Final[dict[str, Message]] = {
    "plan_forecast": "{connection}: about {calls:number} requests to apply this (sign in {sign_in:number}, look {look:number}, read {read:number}, write {write:number})",
    "plan_share": "; with {units:number} {unit:unit} that is {share:percent} of the {amount:number} that are allowed in {seconds:duration}",
    "unit.requests": "requests",
    "unit.credits": "credits",
    "unit.points": "points",
}  # fmt: skip
