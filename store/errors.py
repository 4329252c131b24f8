"""What can go wrong with the memory.

StoreError
├── StoreUnavailableError       it cannot be reached now; nothing was done, try again
│   └── OutcomeUnknownError     it may or may not have been written, and reading back failed too
├── WrongExpectedVersionError   somebody appended first: load, decide again
├── AlreadyExistsError          a document with this id, address or key exists
└── DamagedLedgerError          a quota ledger cannot be read: `exemplar quota check --repair` rebuilds it
"""


class StoreError(Exception):
    """The memory says no."""


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
