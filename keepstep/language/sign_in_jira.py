"""What a person is told and asked while signing in to Jira."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message

SIGN_IN_JIRA: Final[dict[str, Message]] = {
    "jira_token_page": "Sign in to Atlassian as {email} and create an API token at {url}",
    "jira_token": "API token",
    "jira_token_expiry": "The day on which it ends, as its page shows it (2027-01-31; - if you do not know)",
    "jira_not_a_day": "{answer} is not a day; days look like 2027-01-31",
}
