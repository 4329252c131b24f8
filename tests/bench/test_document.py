import pytest

from bench.document import PAGE, with_results


def test_results_replace_those_before_and_nothing_else() -> None:
    page = PAGE.read_text()
    once = with_results(page, "| a | b |\n")
    assert "| a | b |\n" in once
    assert "images/performance.png" in once
    assert with_results(once, "| a | b |\n") == once
    assert once.partition("## What costs what")[2] == page.partition("## What costs what")[2]


def test_a_page_without_a_part_for_results_is_refused() -> None:
    with pytest.raises(ValueError, match="no part"):
        with_results("# Performance", "")
