"""What a configuration says about a Jira connection."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

API = "https://api.atlassian.com"
ACCOUNTS = "https://auth.atlassian.com"

ProjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Settings(BaseModel):
    """E-mail and API token, or an OAuth 2.0 application and the site's cloud id. The token, and the refresh token, are
    left out where a person signs in by hand: then they are kept in the token store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/]+/?$")]
    """The site as people open it, ``https://acme.atlassian.net``."""
    base_url: str | None = None
    """Where requests go instead: a sandbox or a proxy."""
    email: str | None = None
    token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    cloud_id: str | None = None
    accounts_url: str = ACCOUNTS
    projects: list[ProjectKey] = []
    """Keys of the projects to look at. Empty: all that the account may browse."""
    feedback_label: Annotated[str, StringConstraints(pattern=r"^\S{1,255}$")] = Field(default="feedback")
    """The label by which an issue is known as feedback of a customer."""

    hook_secret: SecretStr | None = None
    """The secret under which webhooks of the site were registered. Without it every delivery is refused."""

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Settings:
        basic = [self.email, self.token]
        oauth = [self.client_id, self.client_secret, self.refresh_token, self.cloud_id]
        wanted = "give email (and token, unless signed in), or client_id, client_secret and cloud_id"
        if any(basic) and any(oauth):
            raise ValueError(f"{wanted}, not both")
        if not self.email and not all((self.client_id, self.client_secret, self.cloud_id)):
            raise ValueError(wanted)
        return self

    @property
    def oauth(self) -> bool:
        return self.cloud_id is not None

    @property
    def site(self) -> str:
        return self.url.rstrip("/")

    @property
    def address(self) -> str:
        """Base address of requests, without ``/rest``."""
        if self.base_url:
            return self.base_url.rstrip("/")
        return f"{API}/ex/jira/{self.cloud_id}" if self.oauth else self.site
