"""The examples of the OpenAPI document are sent to a running gateway, in an order in which a person would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import FormData

from domain.accounts.access import Role
from gateway.openapi.examples import EXAMPLES
from gateway.openapi.operation_ids import operation_id
from gateway.routes import OPERATIONS
from tests.systems.documented import problems_of_request
from tests.systems.gateway import OPERATOR_KEY
from tests.systems.gateway_harness import GatewayHarness, OwnedProject

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATOR = {"X-Operator-Key": OPERATOR_KEY}
OF_DEVELOPERS = (
    "createDeveloperKey", "createProject", "setProject", "createProjectApiKey", "createProjectUserAccessKey",
)  # fmt: skip
OF_USERS = ("changePassword", "deleteMe")
OF_ENDPOINTS = (
    "updateProjectWebhook", "testProjectWebhook", "recoverProjectWebhook", "resendProjectWebhook",
    "replayMissingProjectWebhook",
)  # fmt: skip
ERASURES = ("createErasureGeneration", "createErasureUser", "createErasureProject")
CONTROLS = (
    "setControlMaintenance", "setControlQueue", "setControlProvider", "setControlDeveloper", "setControlProject",
)  # fmt: skip
OF_OPERATORS = (
    "replayParkedEvent", "replayDeadLetter", "discardParkedEvent", "discardDeadLetter", "setDeveloperTier",
    "setDeveloperPassword",
)  # fmt: skip
OF_AUDITORS = ("setAuditConsumer", "acknowledgeAuditConsumer")
SENT = (
    *OF_DEVELOPERS, *OF_USERS, *OF_ENDPOINTS, *ERASURES, *CONTROLS, *OF_OPERATORS, *OF_AUDITORS, "register", "login",
    "refresh", "createGeneration", "updateGenerationPublic", "retryGeneration", "createBulkJob", "setProjectConsumer",
    "leaseProjectConsumer", "acknowledgeProjectConsumer", "createProjectWebhook", "setProjectUserPassword",
)  # fmt: skip
NOT_SENT = {
    "cosignAuditCheckpoint", "createConsoleSignInLink", "createImageEdit", "createProviderCallback", "sendMcpMessage",
}  # fmt: skip
"""Witnesses, `exemplar up` and the provider sign them; an edit waits for a model, MCP needs an extra."""

NAMED = {operation_id(one.method, one.path): one for one in OPERATIONS}


@dataclass
class Scene:
    """The tenant of the examples: ids by the names of path parameters, and credentials."""

    gateway: GatewayHarness
    project: OwnedProject
    ids: dict[str, str]
    user: dict[str, str] = field(default_factory=dict)

    @property
    def developer(self) -> dict[str, str]:
        return self.project.owner.token

    @property
    def keys(self) -> dict[str, str]:
        return {
            "X-Developer-Key": self.project.owner.key,
            "X-Project-ID": self.project.id,
            "X-API-Key": self.project.key,
        }

    async def send(self, name: str, headers: Mapping[str, str], **real: Any) -> Any:
        """Send an example, with what only a running system knows in place of its members; it must be accepted."""
        operation, body = NAMED[name], {**EXAMPLES[name], **real}
        path = operation.path.format(**self.ids)
        status, answer = await self.gateway.call(operation.method.upper(), path, headers, body)
        assert status < 300, (name, status, answer)
        return answer


async def opened(gateway: GatewayHarness) -> Scene:
    project = await gateway.owned_project(await gateway.owner())
    ids = {"project_id": project.id, "developer_id": project.owner.id, "consumer": "billing", "provider": "replicate"}
    return Scene(gateway, project, ids)


def with_token(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def signed_up(scene: Scene) -> None:
    await scene.send("register", scene.keys)
    tokens = await scene.send("login", {"X-Project-ID": scene.project.id})
    tokens = await scene.send("refresh", {}, refresh_token=tokens["refresh_token"])
    scene.user = with_token(tokens)
    _, me = await scene.gateway.get("/api/v1/auth/me", scene.user)
    scene.ids["user_id"] = me["id"]


async def generated(scene: Scene) -> str:
    form = FormData()
    form.add_field("example_images", scene.gateway.picture, filename="a.jpg")
    form.add_field("instructions", EXAMPLES["createGeneration"]["instructions"])
    headers = {**scene.user, **scene.keys, "X-User-Role": "end_user"}
    answer = await scene.gateway.client.post(NAMED["createGeneration"].path, data=form, headers=headers)
    assert answer.status == 202
    generation_id = str((await answer.json())["id"])
    await scene.gateway.project(generation_id)
    await scene.gateway.complete(generation_id)
    while await scene.gateway.store.sealed_log.seal():
        pass
    return generation_id


async def test_an_account_of_the_examples_lives_and_is_deleted(gateway: GatewayHarness) -> None:
    scene = await opened(gateway)
    await signed_up(scene)
    for name in OF_DEVELOPERS:
        await scene.send(name, scene.developer)
    for name in OF_USERS:
        await scene.send(name, scene.user)


async def test_generations_of_the_examples_are_made_published_and_repeated(gateway: GatewayHarness) -> None:
    scene = await opened(gateway)
    await signed_up(scene)
    scene.ids["generation_id"] = await generated(scene)
    await scene.send("updateGenerationPublic", scene.user)
    await scene.send("retryGeneration", {**scene.user, **scene.keys, "X-User-Role": "end_user"})
    await scene.send("createBulkJob", scene.developer)
    await scene.send("setProjectConsumer", scene.developer)
    leased = await scene.send("leaseProjectConsumer", scene.developer)
    await scene.send("acknowledgeProjectConsumer", scene.developer, lease=leased["lease"])
    for name in ERASURES:
        await scene.send(name, scene.developer)


async def test_the_webhooks_of_the_examples_are_registered_tested_and_repeated(gateway: GatewayHarness) -> None:
    scene = await opened(gateway)
    made = await scene.send("createProjectWebhook", scene.developer)
    scene.ids["endpoint_id"] = made["id"]
    for name in OF_ENDPOINTS:
        await scene.send(name, scene.developer)


async def test_operators_and_auditors_do_what_the_examples_say(gateway: GatewayHarness) -> None:
    scene = await opened(gateway)
    await signed_up(scene)
    await scene.send("setProjectUserPassword", scene.developer)
    for name in CONTROLS:
        await scene.send(name, OPERATOR)
        assert (await gateway.call("DELETE", NAMED[name].path.format(**scene.ids), OPERATOR))[0] == 204
    for name in OF_OPERATORS:
        await scene.send(name, OPERATOR)
    auditor = await gateway.staff(Role.AUDITOR)
    for name in OF_AUDITORS:
        await scene.send(name, auditor)


async def test_every_body_has_an_example_that_is_sent_above() -> None:
    bodies = {name.removesuffix("WithSlash") for name, one in NAMED.items() if one.body is not None}
    assert {*EXAMPLES} == bodies == {*SENT, *NOT_SENT}


@pytest.mark.parametrize("name", sorted(NOT_SENT))
async def test_examples_that_cannot_be_sent_match_their_schemas(name: str) -> None:
    assert [*problems_of_request(NAMED[name], EXAMPLES[name])] == []
