"""The processes of one `exemplar up`: servers, services, demonstration."""

import asyncio
import json
import time
from collections.abc import Callable

from exemplar.environment import ConfigurationError
from exemplar.local.banner import banner
from exemplar.local.demonstration import make_picture
from exemplar.local.hooks import Demo, Hooks
from exemplar.local.mongod import DATABASE, Mongod, elsewhere
from exemplar.local.options import WEBHOOK_ALLOW, Options
from exemplar.local.ports import LOOPBACK, Ports, listening
from exemplar.local.processes import Child
from exemplar.local.programs import Addresses, answers, environment, service
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from exemplar.local.running import DEMO
from exemplar.local.secrets_file import Secrets, write_private
from exemplar.local.sign_in_link import make_docs_link, make_sign_in_link
from exemplar.local.supervisor import Supervisor

Say = Callable[[str], None]


class Machine:
    """Owns what one `exemplar up` runs; the constructor chooses ports and starts nothing."""

    def __init__(self, options: Options, hooks: Hooks, secrets: Secrets, say: Say) -> None:
        self._options, self._hooks, self._secrets, self._say = options, hooks, secrets, say
        self._home = options.home.absolute()
        self._began = time.monotonic()
        ports = Ports(self._home / "ports.json")
        self._mongodb_elsewhere = elsewhere(options.environ)
        self._mongod = None if self._mongodb_elsewhere else Mongod(self._home, ports.of("mongod"), options.environ)
        self._rabbit = self._choose_broker(ports)
        self._addresses = self._choose_addresses(ports)
        self._env = environment(options, secrets, self._addresses)
        self._services = {name: service(name, options, self._env) for name in self._names()}
        self._gateway = self._services["solo" if self._rabbit is None else "gateway"]
        self._token_refused = False
        self._accounts = Demo()
        self.supervisor = Supervisor(say)
        servers = [] if self._mongod is None else [self._mongod.child]
        self.supervisor.adopt(*servers, *self._services.values())
        if self._rabbit is not None:
            self.supervisor.adopt(*self._rabbit.children)

    async def start(self) -> None:
        """Start everything, in parallel where possible; raise ConfigurationError for what does not start.

        What serves HTTP imports the product while mongod starts, the others one after the other while RabbitMQ does,
        which takes longest: many at once would take its cores (docs/adr/0084-held-starts-and-reads-ahead.md).
        """
        if self._mongod is None:
            self._say("  there is no mongod here: using the MongoDB of EXEMPLAR_MONGODB_URL")
        else:
            self._mongod.launch()
        self._gateway.start_held()
        if self._rabbit is not None:
            self._rabbit.launch()
        store, broker, serving, known = (asyncio.Event() for _ in range(4))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_servers(store, broker))
                group.create_task(self._start_gateway(store, serving))
                group.create_task(self._start_workers(broker, known))
                group.create_task(self._start_sandbox(serving))
                group.create_task(self._make_accounts(serving, known))
                group.create_task(self._check_provider())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def introduce(self) -> Demo:
        """Write demo.json and print the banner."""
        where = self._addresses
        demo = self._accounts | {
            "base_url": where.base_url,
            "operator_key": self._secrets.operator_key,
            "sandbox_url": where.sandbox_url,
            "mongodb_url": where.mongodb_url,
            "amqp_url": where.amqp_url,
        }
        demo.get("free", {})["base_url"] = where.base_url
        write_private(self._home / DEMO, json.dumps(demo, indent=2) + "\n")
        photos = self._options.photos
        self._say(
            banner(
                demo,
                console=make_sign_in_link(self._home, demo),
                docs=make_docs_link(self._home, demo),
                photos=photos,
                broker=self._broker_name(),
                home=self._options.home,
                webhook_allow=self._env[WEBHOOK_ALLOW],
            )
        )
        return demo

    async def stay(self, demo: Demo) -> int:
        """Run one generation and supervise; return with `once`, else only when a child keeps failing."""
        supervision = asyncio.ensure_future(self.supervisor.watch())
        demonstration = asyncio.ensure_future(self._demonstrate(demo))
        try:
            await asyncio.wait({supervision, demonstration}, return_when=asyncio.FIRST_COMPLETED)
            if supervision.done() or not self._options.once:
                await supervision
            return await demonstration
        finally:
            supervision.cancel()
            demonstration.cancel()
            await asyncio.gather(supervision, demonstration, return_exceptions=True)

    async def _demonstrate(self, demo: Demo) -> int:
        sandbox, refused = self._addresses.sandbox_port is not None, self._token_refused
        return await make_picture(demo, self._options, self._hooks, self._say, sandbox=sandbox, token_refused=refused)

    async def _start_servers(self, store: asyncio.Event, broker: asyncio.Event) -> None:
        async def wait_for_mongod() -> None:
            if self._mongod is not None:
                await asyncio.to_thread(self._mongod.wait_ready, self._hooks.initiate_replica_set)
                self._report("mongod")
            store.set()

        async def wait_for_rabbit() -> None:
            if self._rabbit is not None:
                await asyncio.to_thread(self._rabbit.wait_ready)
                self._report("RabbitMQ")
            broker.set()

        await asyncio.gather(wait_for_mongod(), wait_for_rabbit())

    async def _start_gateway(self, store: asyncio.Event, serving: asyncio.Event) -> None:
        """Let the process that serves HTTP go on once the store is ready; it does not need RabbitMQ to start."""
        await store.wait()
        self._gateway.release()
        await self._wait(self._gateway, answers(self._addresses.port))
        self._report(self._gateway.name)
        serving.set()

    async def _make_accounts(self, serving: asyncio.Event, known: asyncio.Event) -> None:
        """Create the demonstration accounts, or find them, while RabbitMQ starts."""
        await serving.wait()
        where = self._addresses
        self._accounts = await self._hooks.seed(where.mongodb_url, where.base_url, self._secrets, self._env)
        self._report("accounts")
        known.set()

    async def _start_workers(self, broker: asyncio.Event, known: asyncio.Event) -> None:
        """Start what needs RabbitMQ; the worker imports the product before that is ready, after all lighter work."""
        if self._rabbit is None:
            return
        worker, scheduler = self._services["worker"], self._services["scheduler"]
        await known.wait()
        worker.start_held()
        await broker.wait()
        worker.release()
        self._report(worker.name, "started")
        scheduler.start()
        self._report(scheduler.name, "started")

    async def _start_sandbox(self, serving: asyncio.Event) -> None:
        port = self._addresses.sandbox_port
        if port is not None:
            if self._rabbit is not None:  # else the process that serves HTTP asks it about the token at its start
                await serving.wait()
            self._services["sandbox"].start()
            await self._wait(self._services["sandbox"], lambda: listening(port))
            self._report("sandbox")

    async def _check_provider(self) -> None:
        """Tell at once that a provider refuses the token, and not when a first generation fails."""
        if self._addresses.sandbox_port is None:
            answer = await self._hooks.check_provider(self._env)
            self._token_refused = answer.refused
            self._say(f"  provider: {answer.told}")

    async def _wait(self, child: Child, ready: Callable[[], bool]) -> None:
        await asyncio.to_thread(child.wait_until, ready, deadline_s=self._options.ready_within_s)

    def _choose_broker(self, ports: Ports) -> RabbitNode | None:
        options, installed = self._options, RabbitNode.available()
        if options.broker == "rabbitmq" and not installed:
            raise ConfigurationError(
                "RabbitMQ is not installed: apt install rabbitmq-server, or leave out --broker rabbitmq"
            )
        if options.broker == "inprocess" or not installed:
            return None
        numbers = RabbitPorts(ports.of("amqp"), ports.of("distribution"), ports.of("epmd"))
        password, definitions = self._secrets.broker_password, options.definitions
        return RabbitNode(self._home, numbers, options.environ, password=password, definitions=definitions)

    def _broker_name(self) -> str:
        if self._rabbit is not None:
            return f"RabbitMQ, a private node on port {self._rabbit.port}"
        chosen = self._options.broker == "inprocess"
        reason = "as requested" if chosen else "no RabbitMQ server is installed; apt install rabbitmq-server"
        return f"in-process ({reason})"

    def _choose_addresses(self, ports: Ports) -> Addresses:
        options = self._options
        port = options.port or ports.of("gateway")
        everywhere = {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        host = LOOPBACK if options.host in everywhere else options.host
        return Addresses(
            base_url=f"http://{host}:{port}",
            port=port,
            mongodb_url=self._mongodb_url(),
            amqp_url=self._rabbit.url if self._rabbit else None,
            sandbox_port=None if options.environ.get("REPLICATE_API_TOKEN") else ports.of("sandbox"),
        )

    def _mongodb_url(self) -> str:
        return self._mongod.url(DATABASE) if self._mongod is not None else self._mongodb_elsewhere or ""

    def _names(self) -> list[str]:
        ours = ["solo"] if self._rabbit is None else ["gateway", "worker", "scheduler"]
        return ours if self._addresses.sandbox_port is None else [*ours, "sandbox"]

    def _report(self, name: str, done: str = "ready") -> None:
        self._say(f"  {name} {done:<{17 - len(name)}} {time.monotonic() - self._began:5.1f} s")
