"""What is said of requests, quotas and budgets, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message

BUDGETS: Final[dict[str, Message]] = {
    "plan_forecast": "{connection}: about {calls:number} requests to apply this (sign in {sign_in:number}, look {look:number}, read {read:number}, write {write:number})",
    "plan_share": "; with {units:number} {unit:unit} that is {share:percent} of the {amount:number} that are allowed in {seconds:duration}",
    "plan_stretched": "the budget of {connection} stretches that over at least {seconds:duration}",
    "budget_held": "{what} waits so that {connection} stays within its budget: {used:number} of it used today, at most {ceiling:number} in 24 hours; it goes on by itself, or sooner with a larger `budget`",
    "budget_unmeasured": "{connection}: its service states no allowance of which `budget` could be a part; give a number of requests a day",
    "budget_slowed": "{connection}: looked at less often so as to stay within its budget ({used:number} of it used today, at most {ceiling:number} in 24 hours)",
    "status_budget": "{connection}: {used:number} of its budget used today (UTC), at most {ceiling:number} in 24 hours; {left:number} more may be used at once now",
    "tick_slowed": "slowed down by its budget: {connections:list}",
    "bad_budget": "{value:quoted} is not a budget; write a part of what the service allows, such as `25%`, or at least 100 requests a day",
    "waits.pace": "{connection} waits until {until:when}, so as to ask no more often than its service allows",
    "waits.asked": "{connection} waits until {until:when}: its service asked for a pause",
    "waits.sign_in": "{connection} waits until {until:when}: its service lets nobody sign in more often",
    "unit.requests": "requests",
    "unit.credits": "credits",
    "unit.points": "points",
}  # fmt: skip
