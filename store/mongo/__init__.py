"""MongoDB: connection, transactions, batching, replica set, data format."""
