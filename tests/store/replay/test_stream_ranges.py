"""The log divided into ranges: whichever they are, and however many processes fold them, the report is the same."""

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

from domain.generation.lifecycle import Timeouts
from exemplar.clock import now
from exemplar.commands.replay_processes import ReplayProcesses
from store.commits.stream_range import StreamRange
from store.replay.fold_comparison import FoldComparison
from store.replay.range_comparison import RangeComparison, RangeReport
from store.replay.stream_ranges import StreamRanges
from store.settings import StoreSettings
from tests.systems.derived_store import DerivedStore


async def ranges_of(derived: DerivedStore, commits: int) -> list[StreamRange]:
    ranges: StreamRanges = derived.process.call(StreamRanges)
    return [one async for one in ranges.all(commits)]


async def test_ranges_adjoin_and_name_every_stream_once(derived: DerivedStore) -> None:
    streams = [commit.stream async for commit in derived.system.store.events.commits()]
    for commits in (1, 2, 5, 1000):
        ranges = await ranges_of(derived, commits)
        assert (ranges[0].first, ranges[-1].behind) == ("", None)
        assert [one.behind for one in ranges[:-1]] == [one.first for one in ranges[1:]]
        read = [commit.stream for one in ranges async for commit in derived.system.store.events.commits(within=one)]
        assert read == streams
        assert all(sum(stream in one for one in ranges) == 1 for stream in streams)
    assert len({*streams}) <= len(await ranges_of(derived, 1)) <= len({*streams}) + 1  # the first may be empty
    assert len(await ranges_of(derived, 1000)) == 1


async def test_reports_of_ranges_add_up_to_the_report_of_the_log(derived: DerivedStore) -> None:
    await derived.system.store.database["generations"].update_one({"_id": "g0"}, {"$set": {"status": "failed"}})
    await derived.system.store.database["commits"].update_one({"stream": "generation-g1"}, {"$set": {"body": b"{}"}})
    comparison: RangeComparison = derived.process.call(RangeComparison)
    since, whole = now(), None
    for commits in (1000, 3, 1):
        merged = await merged_report(comparison, await ranges_of(derived, commits), since)
        whole = whole or merged
        assert asdict(merged) == asdict(whole)
    assert whole is not None
    assert whole.suspects == {"generation-g0"}
    assert [one.stream for one in whole.unreadable] == ["generation-g1"]
    assert whole.tallies.generations == 2


async def merged_report(comparison: RangeComparison, ranges: list[StreamRange], since: datetime) -> RangeReport:
    merged = await comparison.whole(2**53, since, ranges[0])
    for one in ranges[1:]:
        merged.merge(await comparison.whole(2**53, since, one))
    merged.commits = 0  # a range ends with its own count
    return merged


async def test_the_report_does_not_depend_on_the_number_of_processes(derived: DerivedStore, derived_url: str) -> None:
    await derived.system.store.database["generations"].update_one({"_id": "g0"}, {"$set": {"attempt": 7}})
    here = await derived.compare()
    process = derived.process
    settings = StoreSettings.model_validate({"mongodb_url": derived_url})
    process.set(store_settings=settings, timeouts=Timeouts(), webhook_retention=timedelta(days=30))

    def in_processes(count: int) -> FoldComparison:
        processes = process.call(partial(ReplayProcesses, count=count, range_commits=4))
        return process.call(partial(FoldComparison, range_reports=processes.reports))

    assert asdict(await in_processes(2).run()) == asdict(here)
    hashed = await in_processes(1).hash()
    assert (hashed.state_hash, hashed.different, hashed.compared) == (here.state_hash, 0, {})
