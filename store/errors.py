"""The errors of the store.

StoreError
├── StoreUnavailableError       it cannot be reached now; nothing was done, try again
│   └── OutcomeUnknownError     it may or may not have been written, and reading back failed too
├── WrongExpectedVersionError   another writer appended first: load, decide again
├── AlreadyExistsError          a document with this id, address or key exists
└── DamagedLedgerError          a quota ledger cannot be read: `exemplar quota check --repair` rebuilds it

DataFormatError                 another version of the product wrote this database: it is not used at all
"""


class StoreError(Exception):
    """An operation on the store failed."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached; nothing was done."""

    retry_after = 5


class OutcomeUnknownError(StoreUnavailableError):
    """An append may have happened; only reading the stream later can tell."""


class WrongExpectedVersionError(StoreError):
    """The stream is not at the version that the decision was made on."""

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(f"{stream} is not at version {expected}")
        self.stream = stream
        self.expected = expected


class AlreadyExistsError(StoreError):
    """A document with this id, address or key exists already."""


class DamagedLedgerError(StoreError):
    """A developer's ledger is not of the types it is written with; nothing was done with it."""

    def __init__(self, developer: str) -> None:
        super().__init__(f"the ledger of {developer} is damaged")
        self.developer = developer


class DataFormatError(Exception):
    """The database was written in another data format; nothing was read or written."""

    def __init__(self, database: str, found: str, needed: int) -> None:
        super().__init__(
            f"database {database} holds {found}; this pre-release needs data format {needed} and fresh data:"
            " name a new database in EXEMPLAR_MONGODB_URL, or for `exemplar up` type: rm -r .exemplar"
        )
