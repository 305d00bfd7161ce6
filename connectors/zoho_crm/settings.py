"""What a connection to Zoho CRM is configured with, and where each data centre lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator


@dataclass(frozen=True, slots=True)
class DataCenter:
    """The hosts of one data centre. An account exists in exactly one of them."""

    api: str
    accounts: str
    web: str
    console: str
    """Where clients are registered and codes are generated."""


def _zoho(ending: str) -> DataCenter:
    hosts = (f"www.zohoapis.{ending}", *(f"{name}.zoho.{ending}" for name in ("accounts", "crm", "api-console")))
    return DataCenter(*(f"https://{host}" for host in hosts))


Name = Literal["us", "eu", "in", "au", "jp", "cn", "ca", "sa"]

DATA_CENTERS: dict[Name, DataCenter] = {
    "us": _zoho("com"),
    "eu": _zoho("eu"),
    "in": _zoho("in"),
    "au": _zoho("com.au"),
    "jp": _zoho("jp"),
    "cn": _zoho("com.cn"),
    "ca": DataCenter(
        "https://www.zohoapis.ca",
        "https://accounts.zohocloud.ca",
        "https://crm.zohocloud.ca",
        "https://api-console.zohocloud.ca",
    ),
    "sa": _zoho("sa"),
}


LONGEST_TOKEN = 50
"""Characters of a notification's token, by the vendor's word."""

ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Settings(BaseModel):
    """A client of the account's data centre. Where a person signs in by hand, the refresh token, and the data centre
    if it is not said here, are kept in the token store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    data_center: Name | None = None
    refresh_token: SecretStr | None = None
    base_url: str | None = None
    """Instead of the data centre's API host: a sandbox or a proxy. The token answer's own host is then ignored."""
    accounts_url: str | None = None
    """Instead of the data centre's sign-in host."""
    modules: list[ApiName] = []
    """API names of further modules to have as streams, above all those of the customer's own."""
    marker_field: ApiName = "Keepstep_Key"
    """API name of the custom field, marked unique, that holds our marker in each module."""
    feedback_tag: str = "feedback"
    """The tag, or the title's ``[prefix]``, by which people mark a note as feedback."""
    hook_url: str | None = Field(default=None, pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")
    """Where the service is to send notifications: the hub's own address for this connection."""
    hook_token: SecretStr | None = Field(default=None, min_length=16, max_length=LONGEST_TOKEN)
    """A secret of ours that every notification brings back. Without it each of them is refused."""
    labels: dict[str, str] = {}
    """Kind -> the tag by which records are known as of that kind."""
    custom: dict[str, dict[str, str]] = {}
    """Module -> canonical field -> API name of the field of one's own that holds it."""
    values: dict[str, dict[str, str]] = {}
    """Canonical field -> what a list shows -> canonical class."""
    concurrency: int = Field(default=5, ge=1, le=25)
    """Calls under way at once. 5 is what the smallest edition allows."""

    @model_validator(mode="after")
    def _proven_or_not_sent(self) -> Settings:
        if self.hook_url is not None and self.hook_token is None:
            raise ValueError("hook_url needs hook_token beside it: nothing else proves a notification")
        return self

    @model_validator(mode="after")
    def _whose_token_it_is(self) -> Settings:
        if self.refresh_token is not None and self.data_center is None:
            raise ValueError("a refresh_token is known in one data centre only: give its data_center")
        return self
