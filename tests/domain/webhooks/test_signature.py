import base64
from datetime import UTC, datetime

from domain.webhooks.signature import SECRET_PREFIX, new_secret, signed_headers


def test_the_signature_matches_the_specification() -> None:
    # The test vector of Replicate and Svix.
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        version=9,
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-sequence"] == "9"


def test_a_secret_is_the_prefix_and_base64() -> None:
    secret = new_secret(bytes(range(32)))
    assert secret.startswith(SECRET_PREFIX)
    assert base64.b64decode(secret.removeprefix(SECRET_PREFIX)) == bytes(range(32))
