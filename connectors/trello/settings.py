"""What a configuration says about a Trello connection."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

DEFAULT_BASE_URL = "https://api.trello.com/1"


class TrelloSettings(BaseModel):
    """The account, the boards, and the label by which feedback is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: SecretStr = Field(description="API key of the Power-Up under trello.com/power-ups/admin")
    token: SecretStr | None = Field(
        default=None, description="token of the account, scope read,write; empty: the one that `login` stored"
    )
    base_url: str = Field(default=DEFAULT_BASE_URL, description="where the API answers, version included")
    boards: list[str] = Field(default_factory=list, description="board ids; empty: all open boards of the account")
    labels: dict[str, str] = Field(default_factory=dict, description="kind -> the label that tells a card of it")
    custom: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="stream -> canonical field -> name or id of the custom field"
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="canonical field -> what a list or option is called -> canonical class"
    )
    hook_secret: SecretStr | None = Field(default=None, description="secret of the Power-Up, which signs webhooks")
    hook_url: str | None = Field(default=None, description="callback address of the webhooks, exactly as registered")

    @property
    def marks(self) -> list[str]:
        """Names of the labels that tell a kind of card."""
        return list(dict.fromkeys({"feedback": "feedback", **self.labels}.values()))
