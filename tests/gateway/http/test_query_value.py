"""A query parameter that is read without keeping the parsed query."""

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.http.parsing import query_value

QUERIES = (
    "",
    "?",
    "?after=3",
    "?after=3&after=4",
    "?x=1&after=",
    "?after",
    "?%61fter=a%26b%3Dc",
    "?after=a+b&after=c",
    "?after=%ff%e4",
    "?&&after=a=b?c;d",
    "?before=1",
    "?after=a#x?after=b",
)


@pytest.mark.parametrize("query", QUERIES)
def test_it_is_the_first_value_that_the_parsed_query_has(query: str) -> None:
    request = make_mocked_request("GET", f"/events{query}")
    assert query_value(request, "after") == request.query.get("after")
