"""The depth of every queue, without creating or consuming anything."""

import pytest

from rabbitmq.depths import read_depths
from rabbitmq.session import LinkLostError
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.server import Server
from tests.rabbitmq.test_publisher import publishing


def settings(url: str) -> RabbitSettings:
    return RabbitSettings.model_validate({"amqp_url": url})


async def test_messages_are_counted_and_stay(amqp_url: str, table: Topology, server: Server, commits: Commits) -> None:
    async with publishing(amqp_url, table) as publisher:
        assert await publisher.publish(commits.progressed())
        depths = await read_depths(settings(amqp_url), table)
    assert (depths["validation"].messages, depths["validation"].consumers, depths["validation"].dead) == (1, 0, 0)
    assert server.count("validation") == 1


async def test_queues_that_do_not_exist_and_a_server_that_is_gone_are_told(amqp_url: str, table: Topology) -> None:
    with pytest.raises(LinkLostError, match="NOT_FOUND"):
        await read_depths(settings(amqp_url), table)
    with pytest.raises(LinkLostError):
        await read_depths(settings("amqp://guest:guest@127.0.0.1:1/%2F"), table)
