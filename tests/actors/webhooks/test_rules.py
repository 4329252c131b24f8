import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.delivery import (
    JITTER,
    LONGEST_WAIT,
    PAUSES,
    SECRET_PREFIX,
    Answer,
    Place,
    delivery_id,
    headers_of,
    new_secret,
    next_attempt,
    read_retry_after,
    types_of,
    waits_until,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
JITTERS = st.floats(-1, 1)
FAILURES = st.integers(0, 30)
WAITS = st.none() | st.timedeltas(timedelta(0), timedelta(days=400))
FINAL = {"generation.completed", "generation.failed"}


def test_there_are_ten_attempts_over_seventy_five_hours() -> None:
    assert len(PAUSES) == 10
    assert timedelta(hours=75) <= sum(PAUSES, timedelta()) <= timedelta(hours=76)
    assert [next_attempt(n, NOW, jitter=0, retry_after=None) for n in range(11)] == [
        *(NOW + pause for pause in PAUSES),
        None,
    ]


@given(FAILURES, JITTERS, WAITS)
def test_an_attempt_never_comes_much_earlier_or_later_than_it_should(
    failures: int, jitter: float, wait: timedelta | None
) -> None:
    due = next_attempt(failures, NOW, jitter=jitter, retry_after=wait)
    if failures >= len(PAUSES):
        assert due is None
        return
    assert due is not None
    second = timedelta(seconds=1)
    asked = min(wait or timedelta(0), LONGEST_WAIT)
    assert due - NOW >= max(PAUSES[failures] * (1 - JITTER), asked) - second
    assert due - NOW <= max(PAUSES[failures] * (1 + JITTER), asked) + second


@given(st.integers(1, 8), JITTERS, JITTERS)
def test_pauses_grow_whatever_the_jitter(failures: int, one: float, other: float) -> None:
    sooner = next_attempt(failures, NOW, jitter=one, retry_after=None)
    later = next_attempt(failures + 1, NOW, jitter=other, retry_after=None)
    assert sooner is not None
    assert later is not None
    assert failures == 8 or sooner < later


@given(st.floats(0.00001, 1), FAILURES)
def test_a_scale_shortens_every_pause_alike(scale: float, failures: int) -> None:
    full = next_attempt(failures, NOW, jitter=0.5, retry_after=None)
    short = next_attempt(failures, NOW, jitter=0.5, retry_after=None, scale=scale)
    assert (full is None) == (short is None)
    if full and short:
        assert abs((short - NOW) - (full - NOW) * scale) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("Fri, 20 Nov 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("99999999999999999999", LONGEST_WAIT),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Fri, 99 Nov 2026 12:10:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, wait: timedelta | None) -> None:
    assert read_retry_after(text, NOW) == wait


@given(st.text(max_size=60))
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    wait = read_retry_after(text, NOW)
    assert wait is None or wait >= timedelta(0)


@pytest.mark.parametrize(
    ("filters", "types"),
    [
        ((), FINAL),
        (("completed",), FINAL),
        (("start",), {"generation.started"}),
        (("progress", "start"), {"generation.started", "generation.progressed"}),
        (("unknown",), FINAL),
    ],
)
def test_filters_choose_event_types_and_final_is_the_default(
    filters: tuple[str, ...], types: frozenset[str]
) -> None:
    assert types_of(filters) == types


PLACES = st.builds(
    Place, st.integers(1, 20), st.booleans(), st.integers(0, 10), st.datetimes(timezones=st.just(UTC))
)


@given(PLACES, st.lists(PLACES, max_size=8))
def test_versions_go_in_order_but_a_final_one_overtakes_what_failed_twice_and_all_behind_it(
    delivery: Place, others: list[Place]
) -> None:
    until = waits_until(delivery, others)
    ahead = [other for other in others if other.version < delivery.version]
    if delivery.final:
        failed_twice = [other for other in ahead if other.failures >= 2]
        ahead = [other for other in ahead if all(other.version < stuck.version for stuck in failed_twice)]
    assert until == min((other.due_at for other in ahead), default=None)


@pytest.mark.parametrize(
    ("status", "accepted", "code"),
    [
        (200, True, "status"),
        (204, True, "status"),
        (299, True, "status"),
        (301, False, "redirect"),
        (304, False, "redirect"),
        (400, False, "status"),
        (410, False, "gone"),
        (500, False, "status"),
        (None, False, "protocol"),
    ],
)
def test_only_two_hundreds_are_a_success(status: int | None, accepted: bool, code: str) -> None:
    answer = Answer(status, None, 1)
    assert (answer.accepted, answer.code) == (accepted, code)


def test_the_signature_is_that_of_the_specification() -> None:
    # The vector of Replicate's and Svix's own tests.
    headers = headers_of(
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


def test_a_delivery_has_one_name_for_ever_and_another_for_another_endpoint() -> None:
    names = {
        delivery_id(endpoint, event) for endpoint in "ab" for event in ("generation-1:9", "generation-1:10")
    }
    assert len(names) == 4
    assert delivery_id("a", "generation-1:9") in names
