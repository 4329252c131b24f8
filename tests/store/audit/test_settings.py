import base64

import pytest
from pydantic import ValidationError

from domain.audit.checkpoint_key import SigningKey
from store.audit.settings import CheckpointSettings

KEY = SigningKey("log.example.com", bytes(range(32)))


def test_without_a_key_there_is_no_signer() -> None:
    assert CheckpointSettings.model_validate({"checkpoint_key": None}).signer is None


def test_the_signer_has_the_key_and_the_origin_of_the_settings() -> None:
    seed = base64.b64encode(bytes(range(32))).decode()
    settings = CheckpointSettings.model_validate({"checkpoint_key": seed, "checkpoint_origin": "log.example.com"})
    assert settings.signer is not None
    assert settings.signer.public == KEY.public
    assert seed not in repr(settings)


@pytest.mark.parametrize("wrong", [{"checkpoint_key": "c2hvcnQ="}, {"checkpoint_origin": "two words"}])
def test_invalid_settings_are_refused_without_their_values(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        CheckpointSettings.model_validate(wrong)
    assert next(iter(wrong.values())) not in str(error.value)
