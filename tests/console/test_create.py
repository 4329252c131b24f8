"""Creating a picture in a browser."""

import base64
import re
from collections.abc import Callable

from playwright.sync_api import FilePayload, expect

from tests.console.conftest import MakeAccount, OpenTab, Tab, submit
from tests.console.world import SAMPLES
from tests.systems.account import Account
from tests.systems.system import System

DROP = """
([type, files]) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: name.endsWith(".png") ? "image/png" : "text/plain" }));
  }
  const event = new (type === "paste" ? ClipboardEvent : DragEvent)(type, {
    bubbles: true, cancelable: true, ...(type === "paste" ? { clipboardData: data } : { dataTransfer: data }),
  });
  document.querySelector(".drop").dispatchEvent(event);
}
"""
SLOW_OPENING = """
() => {
  const { decode } = Image.prototype;
  Image.prototype.decode = async function () {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return decode.call(this);
  };
}
"""
TEXT = ("notes.txt", base64.b64encode(b"no picture").decode())
PICTURE = ("photo.png", base64.b64encode(SAMPLES[0].read_bytes()).decode())


def test_a_picture_is_made_of_dropped_and_pasted_examples(tab: Tab) -> None:
    page = tab.page
    page.evaluate(DROP, ["drop", [PICTURE, TEXT]])
    expect(page.locator(".hints .wrong")).to_have_text("notes.txt is neither JPEG, PNG nor WebP.")
    page.evaluate(DROP, ["paste", [PICTURE]])
    expect(page.locator(".chosen li")).to_have_count(2)
    page.fill("textarea[name=prompt]", "a lighthouse")
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("a lighthouse")
    expect(page.locator(".picture img")).to_be_visible(timeout=60_000)
    assert page.locator(".picture img").evaluate(
        "async (image) => { await image.decode(); return image.naturalWidth; }"
    )
    expect(page.locator(".events li").last).to_contain_text("Completed")
    expect(page.locator(".examples img")).to_have_count(2)


def test_a_submission_waits_for_pictures_that_are_still_being_opened(tab: Tab) -> None:
    page = tab.page
    page.evaluate(SLOW_OPENING)
    for sample in SAMPLES:
        page.set_input_files("input[type=file]", [sample])
    page.fill("textarea[name=prompt]", "a lighthouse")
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("a lighthouse")
    expect(page.locator(".examples img")).to_have_count(3)


def test_examples_are_ordered_and_removed(tab: Tab) -> None:
    page = tab.page
    page.set_input_files("input[type=file]", SAMPLES)
    expect(page.locator(".chosen li")).to_have_count(3)
    first, second, third = chosen(tab)
    page.get_by_label(f"Move to the left: {second}").click()
    assert chosen(tab) == [second, first, third]
    page.get_by_label(f"Remove: {first}").click()
    assert chosen(tab) == [second, third]


def chosen(tab: Tab) -> list[str | None]:
    return [image.get_attribute("alt") for image in tab.page.locator(".chosen img").all()]


def test_a_check_tells_time_cost_and_hints_and_records_nothing(tab: Tab) -> None:
    page = tab.page
    page.set_input_files("input[type=file]", SAMPLES[:1])
    page.fill("textarea[name=prompt]", "a lighthouse")
    page.get_by_text("Check without sending").click()
    expect(page.locator(".notice.good")).to_contain_text("This would be accepted")
    expect(page.locator(".notice.good")).to_contain_text("fewer than 3 example images")
    tab.open("generations")
    expect(page.locator(".empty")).to_be_visible()


def test_all_faults_are_told(tab: Tab) -> None:
    page = tab.page
    page.set_input_files("input[type=file]", SAMPLES[:1])
    page.fill("textarea[name=prompt]", "a lighthouse")
    page.click("summary:has-text('Model inputs')")
    page.set_viewport_size({"width": 1280, "height": 600})
    page.fill("textarea[name=more]", '{"prompt": "another"}')
    page.click("button[type=submit]")
    expect(page.locator(".outcome .error")).to_contain_text("has a field of its own")
    expect(page.locator(".outcome .error")).to_be_in_viewport()
    page.fill("textarea[name=more]", '{"seed": -1, "num_inference_steps": 100000}')
    tab.expect("422")
    page.click("button[type=submit]")
    expect(page.locator(".notice.error")).to_contain_text("seed")
    expect(page.locator(".notice.error")).to_contain_text("num_inference_steps")


def test_a_refused_picture_is_named_by_its_number_beside_it(tab: Tab) -> None:
    page = tab.page
    page.set_input_files(
        "input[type=file]", [picture("good.png", SAMPLES[0].read_bytes()), picture("bad.png", b"none")]
    )
    refused = page.locator(".chosen li").nth(1)
    expect(refused.locator(".wrong")).to_contain_text("This browser cannot read it")
    page.fill("textarea[name=prompt]", "a lighthouse")
    tab.expect("422")
    page.click("button[type=submit]")
    expect(page.locator(".notice.error")).to_contain_text("Picture 2: Invalid file format")
    expect(refused.locator(".wrong")).to_contain_text("Save it as JPEG, PNG or WebP")
    page.reload()
    expect(page.locator("textarea[name=prompt]")).to_have_value("a lighthouse")
    expect(page.locator(".chosen li")).to_have_count(2)


def picture(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def test_a_full_account_counts_down(
    solo: System, open_tab: OpenTab, link: Callable[[Account], str], make_account: MakeAccount
) -> None:
    tab = open_tab()
    tab.expect("429")
    tab.page.goto(link(make_account("free_starter")))
    tab.page.wait_for_selector("form.create")
    solo.kill("sandbox")
    try:
        for _ in range(4):
            submit(tab)
            tab.page.wait_for_selector(".generation, .countdown")
            if tab.page.locator(".countdown").count():
                break
        expect(tab.page.locator(".countdown")).to_have_text(re.compile(r"Possible again in (\d+ s|\d+ min \d+ s)\."))
        expect(tab.page.locator(".notice.error")).to_contain_text("wait until a running picture has ended")
        expect(tab.page.locator("button[type=submit]")).to_be_disabled()
    finally:
        solo.start("sandbox")


def test_a_request_is_shown_as_programs_write_it(tab: Tab) -> None:
    page = tab.page
    page.fill("textarea[name=prompt]", "it's a lighthouse")
    page.click("summary:has-text('This request in code')")
    text = page.locator(".samples").inner_text()
    assert "it'\\''s a lighthouse" in text
    assert "client.submit(" in text
    assert "$DEVELOPER_KEY" in text
    assert "Idempotency-Key" in text
    page.get_by_role("button", name="Copy: Python").click()
    expect(page.locator(".copying").nth(1)).to_contain_text("Cop")
