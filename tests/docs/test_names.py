"""Links, files, variables and commands that the documents name exist."""

import re
from pathlib import Path

from typer.main import get_command

from actors.jobs.schedule import JOBS
from actors.providers.registry import PROVIDERS
from events.catalogue import CATALOGUE
from exemplar import settings as settings_module
from exemplar.cli import app
from tests.architecture.files import check
from tests.docs.reading import DOCUMENTS, ROOT, anchors, blocks, code_spans, links

FOLDERS = (
    "events",
    "domain",
    "store",
    "rabbitmq",
    "actors",
    "gateway",
    "sandbox",
    "exemplar",
    "metrics",
    "deploy",
    "docs",
    "clients",
)
OF_COMPOSE = {
    "RABBITMQ_USER",
    "RABBITMQ_PASSWORD",
    "MONGODB_USER",
    "MONGODB_PASSWORD",
    "MONGODB_ROOT_PASSWORD",
    "GATEWAY_PORT",
    "PROMETHEUS_PORT",
    "GRAFANA_PORT",
    "IMAGE_EXTRAS",
    "SERVICE_CPUS",
}
# Production refuses it (exemplar/crash_settings.py), so that no list of settings has it.
OF_TESTS = {"EXEMPLAR_CRASH_POINT"}
OF_OURS = "|".join((*FOLDERS, "tests", "samples"))
A_PATH = re.compile(rf"({OF_OURS})/|([a-z_]+\.(py|yaml|toml)|Dockerfile|Makefile|\.env\.example)$")
MACHINE = re.compile(r"(?<![\w.])/(work|home|root|Users|mnt)/\w")


def variables() -> set[str]:
    return {setting.name for _, settings_module in settings_module.sections() for setting in settings_module}


def test_every_link_has_a_target() -> None:
    def without_target(path: Path) -> list[str]:
        return [link for link in links(path) if not link.startswith("https://") and not leads_somewhere(path, link)]

    check(DOCUMENTS, without_target)


def leads_somewhere(path: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    return target.exists() and (not anchor or anchor in anchors(target))


def test_named_files_exist() -> None:
    check(
        DOCUMENTS, lambda path: [span for span in code_spans(path) if A_PATH.match(span) and not (ROOT / span).exists()]
    )


def test_named_variables_are_settings() -> None:
    known = variables() | OF_TESTS
    check(DOCUMENTS, lambda path: {*re.findall(r"\b(?:EXEMPLAR|REPLICATE)_[A-Z_]*[A-Z]\b", path.read_text())} - known)


def test_named_commands_exist() -> None:
    commands = set(getattr(get_command(app), "commands"))  # noqa: B009 - typer hides the group's type
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    def unknown(path: Path) -> set[str]:
        text = path.read_text()
        named = {*re.findall(r"`(?:\.venv/bin/)?exemplar ([a-z]+)", text)} - commands
        return named | {*re.findall(r"(?:`|^|; )make ([a-z]+)", text, re.MULTILINE)} - targets

    check(DOCUMENTS, unknown)


def test_named_events_are_in_the_catalogue() -> None:
    known = set(CATALOGUE.names)
    check(DOCUMENTS, lambda path: {*re.findall(r"`(generation\.[a-z_]+)`", path.read_text())} - known)


def test_no_document_names_a_path_of_a_machine() -> None:
    check(DOCUMENTS, lambda path: MACHINE.search(path.read_text()))


def test_the_example_environment_has_every_variable_of_compose() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    offered = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked == OF_COMPOSE
    assert offered == variables() | OF_COMPOSE


def test_every_class_of_settings_that_a_process_reads_is_printed() -> None:
    text = "".join(path.read_text() for path in (ROOT / "exemplar").glob("*.py"))
    read = {name for pair in re.findall(r"\bread\((\w+Settings)\)|\b(\w+Settings)\(\)", text) for name in pair}
    injected = {section.__name__ for classes in settings_module.PROCESS_SETTINGS.values() for section in classes}
    injected |= {kind.__name__ for row in PROVIDERS.values() for kind in row.settings}
    for_tests = {"CrashSettings"}  # production refuses its variable
    assert read - {""} - for_tests | injected == {section.__name__ for section in settings_module.SETTINGS.values()}


def test_every_setting_has_a_description_of_one_line() -> None:
    for _, section in settings_module.sections():
        assert all(one.description and "\n" not in one.description for one in section)


def test_every_job_named_in_the_crash_table_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text().partition("## When something breaks")[2]
    jobs = {"holds", "orphans", "redelivery", "reconciliation", "polling"}
    assert jobs <= {job.name for job in JOBS}
    assert all(f"`{job}`" in text for job in jobs)


def test_the_request_and_the_lifecycle_have_diagrams() -> None:
    assert blocks("docs/architecture.md", "mermaid")[0].startswith("sequenceDiagram")
    assert blocks("docs/lifecycle.md", "mermaid")[0].startswith("stateDiagram-v2")
