from store.mongo.connection import Database
from store.webhooks.mongo_deliveries import MongoDeliveries
from store.webhooks.mongo_endpoints import MongoEndpoints
from store.webhooks.mongo_owners import MongoOwners
from store.webhooks.mongo_secrets import MongoSecrets


class MongoOutgoing:
    """What lies beside the log for outgoing webhooks: endpoints with their URLs, secrets, deliveries."""

    def __init__(self, database: Database) -> None:
        self.endpoints = MongoEndpoints(database)
        self.secrets = MongoSecrets(database)
        self.deliveries = MongoDeliveries(database)
        self.owners = MongoOwners(database)
