from collections.abc import Callable, Sequence

from domain.audit.checkpoint_key import VerificationKey
from exemplar.environment import ConfigurationError


def trusted_keys(
    given: Sequence[str], of_settings: Callable[[], Sequence[VerificationKey]], *, without: str
) -> Sequence[VerificationKey]:
    """Parse the keys of the option --key, which replace those of the settings.

    Raises ConfigurationError for a malformed one, and with the text `without` if there are none.
    """
    try:
        parsed = tuple(VerificationKey.parse(key) for key in given)
    except ValueError as error:
        raise ConfigurationError(f"--key: {error}") from None
    trusted = parsed or of_settings()
    if not trusted:
        raise ConfigurationError(without)
    return trusted
