"""The errors of the store."""


class StoreError(Exception):
    """An operation on the store failed."""

    holds_no_data = True


class StoreUnavailableError(StoreError):
    """The store cannot be reached now; nothing was done, try again."""

    retry_after = 5


class ObjectStorageUnavailableError(StoreUnavailableError):
    """The object storage did not do what was asked; `code` is its own, `is_transient` whether it may do so soon."""

    def __init__(self, operation: str, code: str, *, is_transient: bool = True) -> None:
        super().__init__(f"{operation}: {code}")
        self.code = code
        self.is_transient = is_transient


class OutcomeUnknownError(StoreUnavailableError):
    """An append may have happened, and reading back failed too; only reading the stream later can tell."""


class WrongExpectedVersionError(StoreError):
    """The stream is not at the version that the decision was made on: load, decide again."""

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(f"{stream} is not at version {expected}")
        self.stream = stream
        self.expected = expected


class WriteRefusedError(StoreError):
    """The store does not take what is to be written, as often as it is sent."""


class UnreadableCommitError(StoreError):
    """A commit is damaged, missing, or written by a newer version."""


class DamagedCommitError(ValueError):
    """A stored commit cannot be read; `commit` is its id, `reason` says why, without any of its data.

    A ValueError, as everything that a walk over many streams skips (`UNREADABLE`).
    """

    holds_no_data = True

    def __init__(self, commit: str, reason: str) -> None:
        super().__init__(f"commit {commit} cannot be read: {reason}")
        self.commit = commit
        self.reason = reason


class AlreadyExistsError(StoreError):
    """A document with this id, address or key exists already."""

    holds_no_data = False  # operators choose some of the ids


class DamagedBlobError(StoreError):
    """The bytes of a picture are not those that were stored."""


class DamagedLedgerError(StoreError):
    """A developer's ledger cannot be read; nothing was done: `exemplar quota check --repair` rebuilds it."""

    def __init__(self, developer: str) -> None:
        super().__init__(f"the ledger of {developer} is damaged")
        self.developer = developer


class ObjectStorageError(Exception):
    """The object storage is not set up as pictures need it; the message says what to do, in one line."""

    holds_no_data = True


class DataFormatError(Exception):
    """Another version of the product wrote this database; nothing was read or written."""

    holds_no_data = True

    def __init__(self, database: str, found: str, needed: int) -> None:
        super().__init__(
            f"database {database} holds {found}; this pre-release needs data format {needed} and fresh data:"
            " name a new database in EXEMPLAR_MONGODB_URL, or for `exemplar up` type: rm -r .exemplar"
        )
