"""The answers of operations: what is done, and why it is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.errors import ErrorCode
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.openapi.error_codes import codes_by_status
from gateway.openapi.headers import headers_of, headers_of_errors
from gateway.openapi.operation import ERRORS, Operation
from gateway.openapi.schemas import Schemas

_DONE = {201: "Made", 202: "Accepted", 204: "Done", 303: "See another address"}


class Responses:
    """Describe answers; the refusals of one status with the same codes are described once."""

    def __init__(self, schemas: Schemas) -> None:
        self.components: dict[str, Any] = {}
        self._schemas = schemas
        self._names: dict[tuple[int, tuple[ErrorCode, ...]], str] = {}

    def of(self, operation: Operation) -> dict[str, Any]:
        """Describe all answers of an operation by status."""
        answered = self._answer(operation, operation.status, _DONE.get(operation.status, "Done"), operation.answer)
        also = {
            str(status): self._answer(operation, status, meaning, operation.also_answers.get(status))
            for status, meaning in operation.also.items()
        }
        refused = self._refused(operation) if operation.errors is ERRORS else self._in_foreign_form(operation)
        default = {"description": "Refused", "content": self._content(operation.errors)}
        return {str(operation.status): answered, **also, **refused, "default": default}

    def _answer(self, operation: Operation, status: int, description: str, answer: Any) -> dict[str, Any]:
        described = {"description": description, "headers": headers_of(operation, status)}
        if status in (204, 304) or answer is None:
            return described
        kinds = answer if isinstance(answer, Mapping) else {"application/json": answer}
        return {**described, "content": self._content(kinds)}

    def _content(self, kinds: Mapping[str, Any]) -> dict[str, Any]:
        """Describe an answer in one of several media types."""
        return {name: {} if kind is None else {"schema": self._schemas.of(kind)} for name, kind in kinds.items()}

    def _refused(self, operation: Operation) -> dict[str, Any]:
        """Describe the refusals of an operation by status, but those that it describes itself."""
        return {
            str(status): {"$ref": f"#/components/responses/{self._name(status, tuple(codes))}"}
            for status, codes in codes_by_status(operation).items()
            if status not in operation.also
        }

    def _name(self, status: int, codes: tuple[ErrorCode, ...]) -> str:
        if (status, codes) not in self._names:
            name = f"Error{status}.{sum(one == status for one, _ in self._names) + 1}"
            self._names[status, codes] = name
            self.components[name] = self._component(status, codes)
        return self._names[status, codes]

    def _component(self, status: int, codes: tuple[ErrorCode, ...]) -> dict[str, Any]:
        """Describe the refusals of one status: an error with one of these codes."""
        one_of = {"properties": {"code": {"enum": [code.value for code in codes]}}}
        content = {kind: {"schema": {"allOf": [self._schemas.of(form), one_of]}} for kind, form in ERRORS.items()}
        return {"description": _meaning(codes), "headers": headers_of_errors(status, codes), "content": content}

    def _in_foreign_form(self, operation: Operation) -> dict[str, Any]:
        """Describe the refusals of an operation whose errors have the form of another API, by status."""
        described: dict[int, list[ErrorCode]] = {}
        further = ("X-Should-Retry",) if operation.caller == "submission" else ()
        for status, codes in codes_by_status(operation).items():
            described.setdefault(operation.error_statuses.get(status, status), []).extend(codes)
        return {
            str(status): {
                "description": _meaning(tuple(dict.fromkeys(codes))),
                "headers": headers_of_errors(status, tuple(codes), *further),
                "content": self._content(operation.errors),
            }
            for status, codes in described.items()
            if status not in operation.also
        }


def _meaning(codes: Sequence[ErrorCode]) -> str:
    """Say what each code means."""
    return "\n".join(f"* `{code}`: {HTTP_ERRORS[code].detail}" for code in codes)
