"""The map of the HTTP API: every class of routes, whose parameters name its dependencies."""

from typing import Final

from gateway.accounts.access_keys import AccessKeyRoutes
from gateway.accounts.developers import DeveloperRoutes
from gateway.accounts.histories import HistoryRoutes
from gateway.accounts.keys import KeyRoutes
from gateway.accounts.login import LoginRoutes
from gateway.accounts.own_account import OwnAccountRoutes
from gateway.accounts.projects import ProjectRoutes, ProjectUserRoutes
from gateway.accounts.registration import RegistrationRoutes
from gateway.audit.access_routes import AccessRoutes
from gateway.audit.as_of_routes import QuotaAsOfRoutes, StreamAsOfRoutes
from gateway.audit.consumer_routes import ConsumerRoutes
from gateway.audit.event_routes import AuditEventRoutes
from gateway.audit.invariant_routes import InvariantRoutes
from gateway.audit.key_routes import VerificationKeyRoutes
from gateway.audit.proof_routes import ProofRoutes
from gateway.bulk.routes import BulkRoutes
from gateway.console.routes import ConsoleRoutes
from gateway.consumers.routes import ProjectConsumerRoutes
from gateway.controls.routes import ControlRoutes
from gateway.documentation.routes import DocumentationRoutes, GuideRoutes
from gateway.erasures.routes import ErasureRoutes
from gateway.event_types import EventTypeRoutes
from gateway.events.feed_routes import FeedRoutes
from gateway.events.generation_routes import GenerationEventRoutes
from gateway.generations.commands import CommandRoutes
from gateway.generations.explain import ExplainRoutes
from gateway.generations.pictures import PictureRoutes
from gateway.generations.project_generations import ProjectGenerationRoutes
from gateway.generations.routes import GenerationRoutes
from gateway.health import HealthRoutes
from gateway.mcp.routes import McpRoutes
from gateway.openai.model_routes import ModelRoutes
from gateway.openai.routes import EditRoutes
from gateway.openapi.document import OpenApiRoutes
from gateway.openapi.operation import operations_of
from gateway.operations.failed_work import FailedWorkRoutes
from gateway.operations.projections import ProjectionRoutes
from gateway.operations.search import SearchRoutes
from gateway.operations.status import StatusRoutes
from gateway.probes import ProbeRoutes
from gateway.provider_callbacks import ProviderRoutes
from gateway.receipts.routes import ReceiptRoutes
from gateway.submissions.routes import SubmissionRoutes
from gateway.usage import UsageRoutes
from gateway.webhooks.deliveries import DeliveryRoutes
from gateway.webhooks.endpoints import EndpointRoutes
from gateway.webhooks.restarts import RestartRoutes
from gateway.webhooks.signing_keys import SigningKeyRoutes

ROUTES: Final = (
    LoginRoutes,
    RegistrationRoutes,
    OwnAccountRoutes,
    KeyRoutes,
    AccessKeyRoutes,
    DeveloperRoutes,
    HistoryRoutes,
    ProjectUserRoutes,
    ProjectRoutes,
    EndpointRoutes,
    DeliveryRoutes,
    RestartRoutes,
    SigningKeyRoutes,
    EventTypeRoutes,
    ProjectConsumerRoutes,
    ProjectGenerationRoutes,
    GenerationRoutes,
    GenerationEventRoutes,
    FeedRoutes,
    CommandRoutes,
    SubmissionRoutes,
    ExplainRoutes,
    PictureRoutes,
    ReceiptRoutes,
    UsageRoutes,
    EditRoutes,
    ModelRoutes,
    McpRoutes,
    ErasureRoutes,
    BulkRoutes,
    ControlRoutes,
    FailedWorkRoutes,
    SearchRoutes,
    ProjectionRoutes,
    StatusRoutes,
    AuditEventRoutes,
    StreamAsOfRoutes,
    QuotaAsOfRoutes,
    ProofRoutes,
    VerificationKeyRoutes,
    InvariantRoutes,
    ConsumerRoutes,
    AccessRoutes,
    ProviderRoutes,
    HealthRoutes,
    ProbeRoutes,
    OpenApiRoutes,
    ConsoleRoutes,
    DocumentationRoutes,
    GuideRoutes,
)

OPERATIONS: Final = tuple(operation for routes in ROUTES for _, operation in operations_of(routes))
"""Every operation, as its handler describes it."""
