"""What a configuration says about a Drive connection."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

BASE_URL = "https://www.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no secret
ACCOUNTS_URL = "https://accounts.google.com"


class Settings(BaseModel):
    """One root folder, and one of two ways to sign in: a service account's key, or a user's consent. The refresh token
    of a consent is left out where a person signs in by hand: then it is kept in the token store."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    root: str = Field(min_length=1, description="Id of the folder below which everything lies")
    service_account_file: Path | None = Field(default=None, description="Path of a service account's JSON key")
    service_account_json: SecretStr | None = Field(default=None, description="The key itself, as JSON text")
    subject: str | None = Field(default=None, description="User to act for, by domain-wide delegation")
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    hook_secret: SecretStr | None = Field(default=None, description="Key from which channels get their tokens")
    hook_url: str | None = Field(
        default=None, pattern=r"^https://", description="Address that Drive calls when something changed"
    )
    base_url: str = BASE_URL
    token_url: str | None = Field(default=None, description="Token endpoint, where it is not the usual one")
    accounts_url: str = Field(default=ACCOUNTS_URL, description="Where people give their consent")

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        keys = [self.service_account_file, self.service_account_json]
        user = [self.client_id, self.client_secret, self.refresh_token]
        if sum(key is not None for key in keys) + any(part is not None for part in user) != 1:
            raise ValueError(
                "give exactly one of service_account_file, service_account_json, "
                "or client_id + client_secret (and refresh_token, unless signed in)"
            )
        if any(part is not None for part in user) and not all(part is not None for part in user[:2]):
            raise ValueError("client_id and client_secret belong together")
        if self.subject is not None and not self.is_service_account:
            raise ValueError("subject needs a service account: only those can act for another user")
        return self

    @property
    def is_service_account(self) -> bool:
        return self.service_account_file is not None or self.service_account_json is not None
