from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from store.settings import EnvironmentSettings


class ModerationSettings(EnvironmentSettings):
    """What refuses prompts: a list of words, and a classifier that is asked over HTTP."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_MODERATION_", hide_input_in_errors=True)

    word_list: Path | None = Field(
        None, description="File of words and patterns that prompts must not have; a changed file is read again"
    )
    url: HttpUrl | None = Field(
        None, description="Address of a classifier of prompts, called as OpenAI's moderations API; empty: none"
    )
    token: SecretStr | None = Field(None, description="Bearer token for the classifier")
    timeout: float = Field(2, gt=0, le=30, description="Seconds that the classifier may take")
    failure: Literal["refuse", "allow"] = Field(
        "refuse",
        description="What happens to a submission when the classifier does not answer: refuse (503) or allow",
    )

    @field_validator("word_list", "url", "token", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return None if value == "" else value
