// Shows an export from the scripts beside this one. Nothing is fetched but local scripts and pictures.
"use strict";

const KINDS = ["access", "developer", "generation", "platform", "webhook"];
const ENDINGS = { "generation.completed": "completed", "generation.failed": "failed", "generation.erased": "erased" };
const PARTS_KEPT = 8;
const PARTS_AT_ONCE = 10;
const main = document.getElementById("main");
const statusLine = document.getElementById("status");
const parts = new Map();
const pages = new Map();
const loading = new Map();
let about = null;
let checkpoint = null;
let route = 0;

// The scripts of data call these.

function exemplarExport(value) {
  about = value;
  const [origin, size, root] = value.checkpoint.split("\n");
  checkpoint = { origin, size: Number(size), root };
  window.addEventListener("hashchange", show);
  document.getElementById("search").addEventListener("submit", search);
  show();
}

function exemplarPart(number, commits, pictures) {
  keep(parts, number, { commits, pictures });
}

function exemplarStreams(number, rows) {
  keep(pages, number, rows);
}

function keep(kept, number, value) {
  kept.set(number, value);
  if (kept.size > PARTS_KEPT) {
    kept.delete(kept.keys().next().value);
  }
}

function load(kept, folder, number) {
  if (kept.has(number)) {
    return Promise.resolve(kept.get(number));
  }
  const source = `viewer/${folder}/${String(number).padStart(6, "0")}.js`;
  if (!loading.has(source)) {
    loading.set(source, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.onload = () => done(kept.get(number));
      script.onerror = () => failed(new Error(`${source} cannot be read: is the export complete?`));
      script.src = source;
      document.head.append(script);
    }).finally(() => {
      loading.delete(source);
      document.head.querySelector(`script[src="${source}"]`).remove();
    }));
  }
  return loading.get(source);
}

const loadPart = (number) => load(parts, "parts", number);
const loadPage = (number) => load(pages, "streams", number);

// Elements

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes || {})) {
    element.setAttribute(attribute, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const link = (hash, ...children) => make("a", { href: hash }, ...children);
const code = (text) => make("span", { class: "id" }, String(text));

function terms(entries) {
  return make("dl", {}, ...entries.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
}

function table(caption, columns, rows) {
  const head = columns.map(([name, kind]) => make("th", { scope: "col", class: kind }, name));
  const body = rows.map(({ cells, wanted }) => make("tr", wanted ? { class: "wanted" } : {},
    ...cells.map((cell, at) => make("td", { "data-label": columns[at][0], class: columns[at][1] }, make("span", {}, cell)))));
  return make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}

function pageLinks(base, number, count, name) {
  const own = `${name} ${number} of ${count}`;
  return make("nav", { class: "pages", "aria-label": `${name}s` },
    number > 1 ? link(`${base}${number - 1}`, "Previous") : null,
    make("span", { class: "soft" }, own),
    number < count ? link(`${base}${number + 1}`, "Next") : null);
}

// Texts

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const moment = (text) => text.replace("T", " ").replace(/(\.\d{3})\d*Z$/, "$1").replace(/Z$/, "");
const hashOf = (stream) => `#/stream/${encodeURIComponent(stream)}`;
const nameOf = (type) => type.replace(/^[a-z]+\./, "").replaceAll("_", " ");

function bytes(size) {
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

function since(start, text) {
  const seconds = (Date.parse(text) - Date.parse(start)) / 1000;
  return seconds < 60 ? `+${seconds.toFixed(2)} s` : `+${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function endOf(stream, types) {
  if (!stream.startsWith("generation-")) {
    return null;
  }
  const endings = types.map((type) => ENDINGS[type]).filter(Boolean);
  return endings.includes("erased") ? "erased" : endings[0] || "running";
}

function streamLink(stream) {
  const kind = KINDS.find((one) => stream.startsWith(`${one}-`));
  return link(hashOf(stream), kind ? `${kind} ` : "", code(kind ? stream.slice(kind.length + 1) : stream));
}

const mark = (state) => make("span", { class: `mark ${state}` }, state);

// Pages

function showOverview() {
  const scope = about.generation ? `the generation ${about.generation}` : about.project ? `the project ${about.project}` : null;
  const known = about.keys.map((key) => `--key '${key}'`).join(" ");
  return [
    make("h1", {}, `Log of ${checkpoint.origin}`),
    terms([
      ["Contains", scope ? `what belongs to ${scope}` : "the whole log"],
      ["Signed up to", `position ${checkpoint.size.toLocaleString("en")}`],
      ["Holds", `${count(about.commits, "commit")} with ${count(about.events, "event")}`],
      ["Pictures", about.with_pictures ? count(about.pictures, "picture") : "left out"],
      ["Root", code(checkpoint.root)],
      ["Key", code(about.keys.join(" "))],
      ["Witnesses", about.witnesses.length ? code(about.witnesses.join(" ")) : "none"],
    ]),
    make("p", {}, link("#/streams/1", "Streams"), " lists generations, accounts and endpoints, each with its timeline. ",
      link("#/events/1", "Events"), " shows everything in the order in which it was recorded."),
    make("h2", {}, "Verify it"),
    make("p", {}, "What this page shows is only as trustworthy as the files beside it. The program ", code("verify.py"),
      " compares all of them with the signature. It needs Python 3.9 or later and no network. In this folder:"),
    make("pre", { tabindex: "0" }, "python3 -I verify.py"),
    make("p", {}, "It names the first fault and ends with exit code 1, or says that everything is as it was signed. Compare the key above with the one that you know from elsewhere, or name that one:"),
    make("pre", { tabindex: "0" }, `python3 -I verify.py ${known}`),
    ...(scope ? [] : [
      make("p", {}, "If you kept an older checkpoint of this log, this proves that nothing before it was changed or removed:"),
      make("pre", { tabindex: "0" }, "python3 -I verify.py --checkpoint older-checkpoint.txt"),
    ]),
    make("h2", {}, "What is not here"),
    make("p", {}, "Instructions, metadata and file names are never exported. Pictures that were erased or have expired, or were left out, are named by the log but not here."),
  ];
}

async function showStreams(number) {
  const rows = await loadPage(number);
  const shown = rows.map(({ stream, commits }) => {
    const state = endOf(stream, commits.flatMap((commit) => commit[4]));
    const last = commits[commits.length - 1];
    return { cells: [streamLink(stream), moment(commits[0][3]), state ? mark(state) : nameOf(last[4][last[4].length - 1]),
      String(last[2] - commits[0][1] + 1)] };
  });
  const jumps = KINDS.map((kind) => link(`#/kind/${kind}`, kind));
  return [
    make("h1", {}, "Streams"),
    make("nav", { class: "pages", "aria-label": "Kinds of streams" }, make("span", { class: "soft" }, "Go to"), ...jumps),
    table("In the order of their names; times are UTC.",
      [["Stream", ""], ["Began", "time"], ["State", ""], ["Events", "number"]], shown),
    pageLinks("#/streams/", number, about.streams.length, "Page"),
  ];
}

async function showEvents(number, wanted) {
  const { commits } = await loadPart(number);
  const rows = commits.flatMap(({ position, body }) => body.map((event) => ({
    wanted: position === wanted,
    cells: [String(position), moment(event.time), nameOf(event.type), streamLink(event.stream), code(event.actor)],
  })));
  return [
    make("h1", {}, "Events"),
    table(`Positions ${commits[0].position} to ${commits[commits.length - 1].position}; times are UTC.`,
      [["Position", ""], ["Occurred", "time"], ["Event", ""], ["Stream", ""], ["Actor", ""]], rows),
    pageLinks("#/events/", number, about.parts.length, "Part"),
  ];
}

async function showStream(stream) {
  const rows = await rowsOf(stream);
  const commits = rows.flatMap((row) => row.commits);
  if (!commits.length) {
    return [make("h1", {}, "Not found"), make("p", {}, "This export has no stream ", code(stream), ".")];
  }
  const kind = KINDS.find((one) => stream.startsWith(`${one}-`));
  const state = endOf(stream, commits.flatMap((commit) => commit[4]));
  const gallery = make("div", {}), list = make("ol", { class: "timeline" });
  const more = make("button", { type: "button" }, "Show later events");
  const numbers = [...new Set(commits.map((commit) => commit[0]))];
  const start = commits[0][3];
  const next = async () => {
    const found = await eventsOf(stream, numbers.splice(0, PARTS_AT_ONCE));
    list.append(...found.map((one) => eventItem(one, start)));
    addPictures(gallery, found);
    more.hidden = numbers.length === 0;
  };
  more.addEventListener("click", () => next().catch(tell));
  await next();
  return [
    make("h1", {}, kind ? `${kind[0].toUpperCase()}${kind.slice(1)} ` : "", code(kind ? stream.slice(kind.length + 1) : stream)),
    terms([
      ...(state ? [["State", mark(state)]] : []),
      ["Began", `${moment(start)} UTC`],
      ["Events", String(commits[commits.length - 1][2] - commits[0][1] + 1)],
    ]),
    gallery, make("h2", {}, "Timeline"), list, more,
  ];
}

async function rowsOf(stream) {
  const before = about.streams.findIndex((first) => first >= stream);
  const found = [];
  let number = Math.max(before < 0 ? about.streams.length : before, 1);
  while (number <= about.streams.length && about.streams[number - 1] <= stream) {
    found.push(...(await loadPage(number)).filter((row) => row.stream === stream));
    number += 1;
  }
  return found;
}

async function eventsOf(stream, numbers) {
  const found = [];
  for (const number of numbers) {
    const { commits, pictures } = await loadPart(number);
    for (const { position, recorded_at: recorded, leaf, body } of commits.filter((commit) => commit.body[0].stream === stream)) {
      const own = pictures.filter((picture) => picture.position === position);
      found.push(...body.map((event) => ({ event, position, recorded, leaf, number, pictures: own })));
    }
  }
  return found;
}

function eventItem({ event, position, recorded, leaf, number }, start) {
  const facts = [["Event", event.id], ["Type", event.type], ["Cause", event.causationid], ["Correlation", event.correlationid],
    ["Request", event.requestid], ["Leaf", leaf]].filter(([, value]) => value).map(([term, value]) => [term, code(value)]);
  return make("li", { class: ENDINGS[event.type] || "" },
    make("h3", {}, nameOf(event.type)),
    make("p", { class: "facts" }, make("span", {}, since(start, event.time)),
      make("time", { datetime: event.time }, moment(event.time)),
      link(`#/events/${number}/${position}`, `position ${position}`),
      make("span", {}, "by ", code(event.actor))),
    make("details", {}, make("summary", {}, "Details"),
      terms([...facts, ["Recorded", `${moment(recorded)} UTC`]]),
      make("pre", { tabindex: "0" }, JSON.stringify(event.data, null, 2))));
}

function addPictures(gallery, found) {
  for (const [type, field, kind, title] of [["generation.requested", "examples", "example", "Example"],
    ["generation.completed", "pictures", "result", "Result"]]) {
    for (const { event, pictures } of found.filter((one) => one.event.type === type)) {
      const shown = event.data[field].map((image, at) => figure(`${title} ${at + 1}`, image,
        pictures.find((picture) => picture.kind === kind && picture.number === at)));
      gallery.append(make("h2", {}, `${title}s`), make("div", { class: "pictures" }, ...shown));
    }
  }
}

function figure(title, image, picture) {
  const described = `${image.width} × ${image.height}, ${image.content_type.replace("image/", "").toUpperCase()}, ${bytes(image.size)}`;
  const shown = picture
    ? link(picture.file, make("img", { src: picture.file, alt: `${title}, ${described}`, loading: "lazy" }))
    : make("div", { class: "gone" }, "Not in this export: erased, expired or left out");
  const proven = !picture ? null : picture.salt ? null : make("span", { class: "soft" }, "Its salt is deleted: the log cannot prove it any more.");
  return make("figure", {}, shown, make("figcaption", {}, make("strong", {}, title), described, proven));
}

// Navigation

function search(event) {
  event.preventDefault();
  const text = document.getElementById("wanted").value.trim();
  if (/^\d+$/.test(text)) {
    window.location.hash = `#/position/${text}`;
  } else if (text) {
    window.location.hash = `#/find/${encodeURIComponent(text)}`;
  }
}

async function find(text) {
  for (const name of [text, text.replace(/:\d+$/, ""), ...KINDS.map((kind) => `${kind}-${text}`)]) {
    if ((await rowsOf(name)).length) {
      return showStream(name);
    }
  }
  return [make("h1", {}, "Not found"), make("p", {}, "This export has no stream ", code(text),
    ". Streams are found by their whole name or id, commits by their position.")];
}

function showPosition(position) {
  const behind = about.parts.findIndex((first) => first > position);
  return showEvents(behind < 0 ? about.parts.length : Math.max(behind, 1), position);
}

async function showKind(kind) {
  const behind = about.streams.findIndex((first) => first >= kind);
  const number = behind < 0 ? about.streams.length : Math.max(behind, 1);
  const rows = await loadPage(number);
  const here = rows.some((row) => row.stream >= kind) || number === about.streams.length;
  return showStreams(here ? number : number + 1);
}

function pageOf([name, first, second]) {
  switch (name) {
    case "streams": return showStreams(Number(first));
    case "events": return showEvents(Number(first), Number(second));
    case "stream": return showStream(decodeURIComponent(first));
    case "position": return showPosition(Number(first));
    case "find": return find(decodeURIComponent(first));
    case "kind": return showKind(first);
    default: return showOverview();
  }
}

function tell(error) {
  statusLine.className = "bad";
  statusLine.textContent = error.message;
}

async function show() {
  if (window.location.hash === "#main") {
    return;
  }
  const own = ++route, path = window.location.hash.replace(/^#\//, "").split("/");
  statusLine.className = "";
  statusLine.textContent = "Loading";
  try {
    const content = await pageOf(path);
    if (own !== route) {
      return;
    }
    main.replaceChildren(...content);
    statusLine.textContent = "";
  } catch (error) {
    if (own === route) {
      main.replaceChildren();
      tell(error);
    }
    return;
  }
  finish(path[0], own);
}

function finish(name, own) {
  const current = { "": "#/", events: "#/events/1", position: "#/events/1" }[name] || "#/streams/1";
  for (const anchor of document.querySelectorAll("header nav a")) {
    anchor.toggleAttribute("aria-current", anchor.getAttribute("href") === current);
  }
  document.title = `${main.querySelector("h1").textContent} \u2013 exported log`;
  const wanted = main.querySelector(".wanted");
  if (wanted) {
    wanted.scrollIntoView({ block: "center" });
  } else if (own > 1) {
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}
