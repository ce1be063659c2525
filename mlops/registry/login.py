"""Who we are to an MLflow server that asks, by the variables that MLflow's own client reads."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Login(BaseSettings):
    """A token, or a name and a password; a server that does not ask is shown none."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_TRACKING_", frozen=True, extra="ignore")

    username: str | None = Field(None, description="Name of the user.")
    password: SecretStr | None = Field(None, description="The user's password.")
    token: SecretStr | None = Field(None, description="Bearer token; goes before name and password.")

    def basic(self) -> tuple[str, str] | None:
        """Name and password, where they are what to show."""
        if self.token is not None or self.username is None:
            return None
        return self.username, self.password.get_secret_value() if self.password else ""

    def headers(self) -> dict[str, str]:
        """The header of a token."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token.get_secret_value()}"}
