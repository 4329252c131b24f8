"""Every fault and the alerts that it must let fire."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from tests.alerts.faults import data, processes, provider, servers, transfers
from tests.alerts.stage import Stage

Fault = Callable[[Stage], AbstractAsyncContextManager[None]]

FAULTS: Final[Mapping[Fault, frozenset[str]]] = {
    fault: frozenset(f"Exemplar{name}" for name in names.split())
    for fault, names in {
        processes.lose_worker: "ProcessDown ProcessMissing QueueWithoutWorker",
        processes.lose_scheduler: "ProcessDown ProcessMissing NotMeasured",
        processes.starve_gateway: "EventLoopBusy",
        processes.freeze_worker: "QueueLong GenerationsWaiting",
        processes.fill_streams: "EventStreamsFull",
        processes.kill_decoders: "DecoderKilled",
        transfers.hold_uploads: "TransferBudgetUsedUp",
        provider.fail_predictions: "GenerationsFailing",
        provider.throttle: "ProviderThrottles",
        provider.lose_provider: "ProviderFailing",
        provider.silence_provider: "ClaimsOpen",
        data.refuse_rows: "EventsParked ActorsFailing",
        data.damage_commit: "SealingStopped",
        data.hold_lease: "SubscriberBehind",
        data.keep_hold: "HoldsOld",
        data.change_checkpoint_key: "LogContradicted",
        data.lose_master_key: "WebhookSecretLost",
        data.hang_receiver: "WebhooksBehind",
        servers.lose_rabbitmq: "BrokerAway PublishesFailing Redeliveries",
        servers.slow_mongod: "DatabaseSlow",
        servers.lose_mongod: "DatabaseFailing NotMeasured ServerErrors",
        servers.fill_disk_nearly: "DiskFilling",
        servers.fill_disk: "DatabaseFailing NotMeasured",
        provider.revoke_token: "ProviderRefuses",
    }.items()
}
