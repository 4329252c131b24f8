"""The JavaScript client against a running system."""

import base64

from tests.clients.faulty_proxy import FaultyProxy, response
from tests.clients.js.conftest import RunNode
from tests.systems.tenants import small

SUBMIT = """
const client = opened();
const picture = Buffer.from(process.env.PICTURE, "base64");
const submitted = await client.submit([picture], { prompt: "a lighthouse" }, { metadata: { order: 7 } });
"""
PICTURE = base64.b64encode(small()).decode()


def test_a_generation_is_submitted_watched_and_downloaded(node: RunNode) -> None:
    types, generation, picture = node(
        SUBMIT
        + """
        const types = [];
        for await (const event of client.events(submitted.id, { after: 0 })) types.push([event.position, event.type]);
        show(types);
        const generation = await client.wait(submitted.id);
        show([generation.status, generation.metadata]);
        const blob = await client.picture(submitted.id);
        show([blob.type, blob.size === generation.result.images[0].size_bytes]);
        """,
        PICTURE=PICTURE,
    )
    assert [types[0][1], types[-1][1]] == ["generation.requested", "generation.completed"]
    assert [int(position) for position, _ in types] == sorted({int(position) for position, _ in types})
    assert generation == ["completed", {"order": 7}]
    assert picture[0].startswith("image/")
    assert picture[1]


def test_a_submission_with_a_lost_response_makes_one_generation(node: RunNode, proxy: FaultyProxy) -> None:
    proxy.inject("generate-v2", after=0)
    program = """
    const all = [];
    for await (const generation of client.all({ limit: 1 })) all.push(generation.id);
    show([submitted.replayed, all.length, all[0] === submitted.id]);
    """
    shown = node(SUBMIT + program, PICTURE=PICTURE)
    assert shown == [[True, 1, True]]
    assert len(proxy.heads("generate-v2")) == 2


def test_the_options_of_a_submission_are_sent(node: RunNode, proxy: FaultyProxy) -> None:
    program = """
    await client.wait(submitted.id);
    const pictures = [{ fromGeneration: submitted.id }, { fromExample: `${submitted.id}/0` }, picture];
    const options = { queue: true, startBy: new Date(Date.now() + 120000), cancelAfter: "20m", dryRun: true };
    const told = await client.submit(pictures, { prompt: "again" }, options);
    show([told.dry_run, told.input.example_images.length, Date.parse(told.start_by) - options.startBy]);
    const wrong = { expectedHashes: [null, "0".repeat(64)], dryRun: true };
    await client.submit([picture, picture], { prompt: "again" }, wrong).catch((e) => show(e.code));
    """
    assert node(SUBMIT + program, PICTURE=PICTURE) == [[True, 3, 0], "hash_mismatch"]
    head = proxy.heads("dry_run=true")[0].lower()
    assert b"prefer: queue" in head
    assert b"cancel-after: 20m" in head


def test_a_stream_that_is_cut_gives_each_event_once(node: RunNode, proxy: FaultyProxy) -> None:
    for after in (0, 200, 700, 1500):
        proxy.inject("/events", after=after)
    (types,) = node(
        SUBMIT
        + """
        const types = [];
        for await (const event of client.events(submitted.id, { after: 0 })) types.push(Number(event.position));
        show(types);
        """,
        PICTURE=PICTURE,
    )
    assert types == sorted(set(types))
    assert types[0] == 1
    assert len(proxy.heads("/events")) > 4


def test_a_truncated_picture_is_downloaded_again(node: RunNode, proxy: FaultyProxy) -> None:
    proxy.inject("/images/0", after=5000)
    (size,) = node(
        SUBMIT + "await client.wait(submitted.id); show((await client.picture(submitted.id)).size);", PICTURE=PICTURE
    )
    assert size > 5000
    assert len(proxy.heads("/images/0")) == 2


def test_a_picture_with_another_hash_throws(node: RunNode, proxy: FaultyProxy) -> None:
    proxy.inject("/images/0", instead=response(200, b"\x89PNG and something else"))
    program = "await client.wait(submitted.id); await client.picture(submitted.id).catch((e) => show(e.name));"
    assert node(SUBMIT + program, PICTURE=PICTURE) == ["DamagedPictureError"]


def test_a_picture_that_cannot_be_hashed_is_taken_only_unchecked(node: RunNode, proxy: FaultyProxy) -> None:
    program = """
    await client.wait(submitted.id);
    Object.defineProperty(globalThis, "crypto", { value: {} });
    await client.picture(submitted.id).catch((error) => show(error.name));
    show((await client.picture(submitted.id, 0, { unchecked: true })).size > 1000);
    """
    assert node(SUBMIT + program, PICTURE=PICTURE) == ["CannotCheckError", True]
    assert len(proxy.heads("/images/0")) == 1


def test_a_position_of_no_event_throws(node: RunNode) -> None:
    program = """
    await client.wait(submitted.id);
    try {
      for await (const event of client.events(submitted.id, { after: 999 })) show(event.type);
    } catch (error) { show(error.name); }
    """
    assert node(SUBMIT + program, PICTURE=PICTURE) == ["UnknownPositionError"]


def test_a_generation_is_cancelled_explained_and_deleted(node: RunNode) -> None:
    program = """
    show(typeof (await client.explain(submitted.id)).state);
    await client.cancel(submitted.id);
    await client.wait(submitted.id);
    await client.delete(submitted.id);
    await client.delete(submitted.id);
    await client.get(submitted.id).catch((error) => show([error.name, error.status]));
    """
    assert node(SUBMIT + program, PICTURE=PICTURE) == ["string", ["NotFoundError", 410]]


def test_a_dry_run_records_nothing(node: RunNode) -> None:
    program = """
    const client = opened();
    const picture = Buffer.from(process.env.PICTURE, "base64");
    const told = await client.submit([picture], { prompt: "a lighthouse" }, { dryRun: true });
    show([typeof told.quota, (await client.page()).generations.length]);
    """
    assert node(program, PICTURE=PICTURE) == [["object", 0]]
