"""Typed client of the exemplar API."""

from exemplar_client.client import Client
from exemplar_client.errors import (
    ApiError,
    AuthenticationError,
    ClientError,
    ConnectionFailedError,
    DamagedPictureError,
    InvalidRequestError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    UnfinishedError,
    UnknownPositionError,
)
from exemplar_client.resources import (
    Accepted,
    Event,
    Failure,
    Generation,
    Image,
    Page,
    Picture,
    Result,
    Status,
    Timings,
)
from exemplar_client.retries import Retries
from exemplar_client.session import Keys
from exemplar_client.webhooks import WebhookVerificationError, verify_webhook

__all__ = [
    "Accepted",
    "ApiError",
    "AuthenticationError",
    "Client",
    "ClientError",
    "ConnectionFailedError",
    "DamagedPictureError",
    "Event",
    "Failure",
    "Generation",
    "Image",
    "InvalidRequestError",
    "Keys",
    "LimitExceededError",
    "NotFoundError",
    "Page",
    "PermissionDeniedError",
    "Picture",
    "Result",
    "Retries",
    "ServiceError",
    "Status",
    "Timings",
    "UnfinishedError",
    "UnknownPositionError",
    "WebhookVerificationError",
    "verify_webhook",
]
