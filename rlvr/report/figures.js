"use strict";
// Unpacks the data of the page, draws the charts and saves them; browser.js comes after it.
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

// Vega's interpreter (ast) instead of code made from strings, which the page's policy forbids.
const EMBED = { ast: true, actions: false, renderer: "svg", mode: "vega-lite", defaultStyle: false, tooltip: false };

function themed(spec, theme) {
  let text = JSON.stringify(spec);
  for (const [colour, variable] of Object.entries(theme)) text = text.replaceAll(colour, variable);
  return JSON.parse(text);
}

const draw = (id, spec, theme) => vegaEmbed(byId(id), themed(spec, theme), EMBED);

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

async function save(id, kind, spec) {
  if (kind === "CSV") return download(`${id}.csv`, new Blob([csv(spec.datasets.rows)], { type: "text/csv" }));
  // Drawn anew as it is in the light, on white and at one width, wherever it is looked at.
  const place = make("div");
  const fixed = { ...spec, width: 640, height: 320, config: { ...spec.config, background: "#ffffff" } };
  const { view, finalize } = await vegaEmbed(place, fixed, EMBED);
  if (kind === "SVG") {
    download(`${id}.svg`, new Blob([await view.toSVG()], { type: "image/svg+xml" }));
  } else {
    const canvas = await view.toCanvas(2);
    download(`${id}.png`, await new Promise((done) => canvas.toBlob(done, "image/png")));
  }
  finalize();
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
      const rows = figures[details.dataset.table].datasets.rows;
      const scroll = make("div", "", "scroll tall");
      scroll.tabIndex = 0;
      scroll.setAttribute("role", "region");
      scroll.setAttribute("aria-label", details.querySelector("summary").textContent);
      scroll.append(tabulate(rows.filter((row) => row.what !== "seed")));
      details.append(scroll);
    });
  }
}
