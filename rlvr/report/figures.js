"use strict";
// Unpacks the data of the page, saves its charts and tabulates them; browser.js comes after it.
// What a model wrote is only ever set as textContent.

const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const byId = (id) => document.getElementById(id);
const visible = (text) =>
  text.replace(UNSEEN, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  if (text !== "") element.textContent = text;
  if (className) element.className = className;
  return element;
}

async function unpack() {
  const bytes = Uint8Array.from(atob(byId("data").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Charts ----------------------------------------------------------------------------------------

function download(name, blob) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const columns = (rows) => [...new Set(rows.flatMap((row) => Object.keys(row)))];

function csv(rows) {
  const quoted = (x) => (/[",\r\n]/.test(String(x ?? "")) ? `"${String(x).replaceAll('"', '""')}"` : String(x ?? ""));
  const names = columns(rows);
  return [names, ...rows.map((row) => names.map((name) => row[name]))]
    .map((line) => line.map(quoted).join(","))
    .join("\r\n") + "\r\n";
}

// The chart as it is in the light, on white, wherever it is looked at: its colours' names hold them.
function saved(id) {
  const svg = byId(id).firstElementChild.cloneNode(true);
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: "#ffffff" }))
    paper.setAttribute(name, value);
  svg.prepend(paper);
  const text = new XMLSerializer().serializeToString(svg).replace(/var\(--c([0-9a-f]{6})\)/g, "#$1");
  return new Blob([text], { type: "image/svg+xml" });
}

async function bitmap(svg) {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  await image.decode();
  const canvas = make("canvas");
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function save(id, kind, rows) {
  const svg = saved(id);
  const blob = { CSV: () => new Blob([csv(rows)], { type: "text/csv" }), SVG: () => svg, PNG: () => bitmap(svg) };
  download(`${id}.${kind.toLowerCase()}`, await blob[kind]());
}

function tabulate(rows) {
  const names = columns(rows);
  const table = make("table");
  const head = table.createTHead().insertRow();
  for (const name of names) {
    const cell = make("th", name);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const name of names) line.insertCell().textContent = row[name] ?? "";
  }
  return table;
}

function wireFigures({ figures }) {
  for (const button of document.querySelectorAll("button[data-save]")) {
    const { figure, save: kind } = button.dataset;
    button.addEventListener("click", () => save(figure, kind, figures[figure]).catch(trouble));
  }
  for (const details of document.querySelectorAll("details[data-table]")) {
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const rows = figures[details.dataset.table];
      const scroll = make("div", "", "scroll tall");
      scroll.tabIndex = 0;
      scroll.setAttribute("role", "region");
      scroll.setAttribute("aria-label", details.querySelector("summary").textContent);
      scroll.append(tabulate(rows.filter((row) => row.what !== "seed")));
      details.append(scroll);
    });
  }
}
