import asyncio
import time
from collections.abc import Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from exemplar.local.mongod import REPLICA_SET, Mongod
from tests.systems.waiting import until

Client = MongoClient[dict[str, Any]]
PRIMARY, SECONDARY = 1, 2
HEARTBEATS = {
    # A new primary first waits for the heartbeat of a member that is silent: 10 s by default.
    "heartbeatTimeoutSecs": 3,
    # For 30 s after its source fell silent, a secondary confirms commits with its heartbeats alone: 2 s by default.
    "heartbeatIntervalMillis": 500,
}


class ReplicaSet:
    """Several mongods as one replica set; `election_ms` is how long they miss a primary before they elect another."""

    def __init__(self, members: Sequence[Mongod], *, election_ms: int = 10_000) -> None:
        self.members = members
        self.kills = 0
        self._election_ms = election_ms
        addresses = ",".join(f"{member.host}:{member.port}" for member in members)
        self.url = f"mongodb://{addresses}/?replicaSet={REPLICA_SET}"

    def launch(self) -> None:
        for member in self.members:
            member.launch()

    def wait_ready(self) -> None:
        """Make the servers one set, and wait until each has its place in it."""
        for member in self.members:
            member.wait_listening()
        wanted = [{"_id": n, "host": f"{member.host}:{member.port}"} for n, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": self._election_ms, **HEARTBEATS}
        with direct(self.members[0]) as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": wanted, "settings": settings})
        deadline = time.monotonic() + 60
        while not self.is_whole():
            assert time.monotonic() < deadline, "the replica set is not complete"
            time.sleep(0.1)

    def stop(self) -> None:
        for member in self.members:
            self.kill(member)

    def kill(self, member: Mongod) -> None:
        """Kill a member; `launch` of the member starts it again."""
        self.kills += 1
        member.child.kill()
        member.child.stop()

    def is_whole(self) -> bool:
        """Tell whether there is one primary, and all others follow it."""
        primary = self._find_primary()
        if primary is None:
            return False
        with direct(primary) as client:
            members = client.admin.command("replSetGetStatus")["members"]
        return sorted(member["state"] for member in members) == [PRIMARY] + [SECONDARY] * (len(members) - 1)

    async def whole(self) -> None:
        """Wait until every member is up and in its place."""
        await until(lambda: asyncio.to_thread(self.is_whole), "the replica set is whole", within=90, every=0.3)

    def primary(self) -> Mongod:
        found = self._find_primary()
        assert found is not None, "there is no primary"
        return found

    def has_primary(self) -> bool:
        return self._find_primary() is not None

    def step_down(self) -> None:
        """Let the primary give up its place for a minute."""
        with direct(self.primary()) as client:
            client.admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=10)

    def _find_primary(self) -> Mongod | None:
        return next((member for member in self.members if _is_primary(member)), None)


def direct(member: Mongod) -> Client:
    """Connect to one member, whatever its place in the set is."""
    return MongoClient(f"mongodb://{member.host}:{member.port}/?directConnection=true", serverSelectionTimeoutMS=1000)


def _is_primary(member: Mongod) -> bool:
    try:
        with direct(member) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False
