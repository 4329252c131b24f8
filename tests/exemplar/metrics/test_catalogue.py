"""The lists of metrics and of the values of their labels are closed."""

import re

from prometheus_client import generate_latest

from exemplar.metrics.catalogue import METRICS, PROCESS
from exemplar.metrics.prometheus import FRESH_SECONDS, PrometheusMetrics
from gateway.metrics import REQUESTS
from metrics.metric import OTHER, Counter, Gauge, Label
from store.metrics import APPENDS, MONGODB_COMMANDS

DEPTH = Gauge("depth", "Messages", (Label("queue", ("quota", "delivery")),), system=True)


def lines(metrics: PrometheusMetrics, name: str) -> set[str]:
    """Read the lines of a metric as Prometheus gets them."""
    told = generate_latest(metrics.registry).decode().splitlines()
    return {line for line in told if line.startswith(name)}


def test_names_are_unique_and_follow_the_conventions() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert re.fullmatch(r"exemplar_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == isinstance(metric, Counter)
        assert not metric.help.endswith(".")


def test_no_label_takes_more_values_than_its_list_has() -> None:
    for metric in METRICS:
        for label in metric.labels:
            assert len(set(label.values)) == len(label.values) < 600
            assert label.closed("what a tenant may write\n\u2028") == OTHER


def test_text_of_a_tenant_is_told_as_other() -> None:
    metrics = PrometheusMetrics(METRICS)
    for number in range(3):
        metrics.count(REQUESTS, f"METHOD{number}", f"/api/of-a-tenant{number}", f"{number}")
        metrics.count(MONGODB_COMMANDS, f"command{number}", "succeeded")
    assert lines(metrics, "exemplar_http_requests_total") == {
        'exemplar_http_requests_total{code="other",method="other",route="other"} 3.0'
    }
    others = {line for line in lines(metrics, MONGODB_COMMANDS.name) if OTHER in line}
    assert others == {'exemplar_mongodb_commands_total{command="other",outcome="succeeded"} 3.0'}
    assert "of-a-tenant" not in generate_latest(metrics.registry).decode()


def test_what_is_not_in_a_list_is_not_remembered() -> None:
    metrics = PrometheusMetrics(METRICS)
    before = len(metrics._children)
    for number in range(100):
        metrics.count(MONGODB_COMMANDS, f"command{number}", "succeeded")
    assert len(metrics._children) == before


def test_counters_begin_at_zero_so_that_their_first_step_is_seen() -> None:
    metrics = PrometheusMetrics(METRICS)
    assert 'exemplar_appends_total{outcome="conflict"} 0.0' in lines(metrics, APPENDS.name)
    metrics.count(APPENDS, "conflict")
    assert 'exemplar_appends_total{outcome="conflict"} 1.0' in lines(metrics, APPENDS.name)


def test_a_gauge_is_read_when_it_is_asked_for() -> None:
    metrics, value = PrometheusMetrics(METRICS), [1.0]
    metrics.watch(PROCESS, lambda: value[0], "gateway")
    value[0] = 2.0
    assert lines(metrics, PROCESS.name) == {'exemplar_process{process="gateway"} 2.0'}


def test_a_gauge_of_the_system_forgets_old_values_and_ends_when_nobody_measures() -> None:
    now = [100.0]
    metrics = PrometheusMetrics([DEPTH], monotonic=lambda: now[0])
    metrics.replace(DEPTH, {("quota",): 3, ("delivery",): 4})
    metrics.replace(DEPTH, {("quota",): 5})
    now[0] += FRESH_SECONDS
    assert lines(metrics, "depth") == {'depth{queue="quota"} 5.0'}
    now[0] += 0.1
    assert lines(metrics, "depth") == set()
