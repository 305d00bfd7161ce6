"""What a connection to Zoho CRM is configured with, and where each data centre lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


@dataclass(frozen=True, slots=True)
class DataCenter:
    """The three hosts of one data centre. An account exists in exactly one of them."""

    api: str
    accounts: str
    web: str


def _zoho(ending: str) -> DataCenter:
    return DataCenter(f"https://www.zohoapis.{ending}", f"https://accounts.zoho.{ending}", f"https://crm.zoho.{ending}")


DATA_CENTERS = {
    "us": _zoho("com"),
    "eu": _zoho("eu"),
    "in": _zoho("in"),
    "au": _zoho("com.au"),
    "jp": _zoho("jp"),
    "cn": _zoho("com.cn"),
    "ca": DataCenter("https://www.zohoapis.ca", "https://accounts.zohocloud.ca", "https://crm.zohocloud.ca"),
    "sa": _zoho("sa"),
}


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    data_center: Literal["us", "eu", "in", "au", "jp", "cn", "ca", "sa"]
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    refresh_token: SecretStr
    base_url: str | None = None
    """Instead of the data centre's API host: a sandbox or a proxy. The token answer's own host is then ignored."""
    accounts_url: str | None = None
    """Instead of the data centre's sign-in host."""
    marker_field: str = Field(default="Keepstep_Key", pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """API name of the custom field, marked unique, that holds our marker in each module."""
    feedback_tag: str = "feedback"
    """The tag, or the title's ``[prefix]``, by which people mark a note as feedback."""
    concurrency: int = Field(default=5, ge=1, le=25)
    """Calls under way at once. 5 is what the smallest edition allows."""

    @property
    def center(self) -> DataCenter:
        return DATA_CENTERS[self.data_center]
