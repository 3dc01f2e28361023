"use strict";
// The browser of completions. Its filters are the fragment of the page's address, so that a filtered
// view has a link of its own. What a model wrote is only ever set as textContent.

const PAGE = 40; // completions shown at a time
const SHORT = 600; // characters of a text before one asks for all of it

const NAMES = ["run", "set", "arm", "round", "seed", "level", "verdict", "kept", "problem", "text"];

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const state = {};
  for (const name of NAMES) if (given.has(name)) state[name] = given.get(name);
  return state;
}

function browser(data) {
  const form = byId("filters");
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  const all = data.runs.map((run) => rowsOf(run, data));
  let shown = PAGE;

  function fill(name, values, any = "all") {
    const select = field(name);
    const before = select.value;
    const options = [["", any], ...values.map((v) => (Array.isArray(v) ? v : [String(v), String(v)]))];
    select.replaceChildren(
      ...options.map(([value, label]) => {
        const option = make("option", label);
        option.value = value;
        return option;
      }),
    );
    select.value = options.some(([value]) => value === before) ? before : "";
  }

  function fillRun() {
    const index = Number(field("run").value);
    const run = data.runs[index];
    const rows = all[index];
    const distinct = (key) => [...new Set(rows.map((row) => row[key]))];
    const inOrder = (key) => distinct(key).sort((a, b) => a - b);
    fill("set", data.sets.filter((set) => rows.some((row) => row.set === set)));
    fill("arm", run.arms.filter((arm) => rows.some((row) => row.arm === arm)));
    fill("round", inOrder("round"));
    fill("seed", inOrder("seed"));
    fill("level", distinct("level").filter(Boolean).sort());
    fill("verdict", data.statuses.filter((status) => rows.some((row) => row.status === status)));
    fill("kept", [["yes", "kept"], ["no", "not kept"]]);
    const problems = run.problems.map((problem, i) => {
      const prompt = problem.prompt ? `${visible(problem.prompt).replace(/\s+/g, " ").trim().slice(0, 60)}   ` : "";
      return [`${problem.seed}:${problem.id}`, `${prompt}(seed ${problem.seed}, ${visible(problem.id)})`];
    });
    fill("problem", problems, "all; one shows its arms and rounds side by side");
  }

  function setState(state) {
    field("run").value = data.runs[state.run] ? state.run : "0";
    fillRun();
    for (const name of NAMES.slice(1)) {
      field(name).value = state[name] ?? "";
      if (field(name).value !== (state[name] ?? "")) field(name).value = ""; // no such option here
    }
  }

  function state() {
    const now = {};
    for (const name of NAMES) {
      const value = field(name).value;
      if (value && !(name === "run" && value === "0")) now[name] = value;
    }
    return now;
  }

  function link(now) {
    return `#${new URLSearchParams(Object.keys(now).length ? now : { run: "0" })}`;
  }

  function matching(now) {
    const wanted = (now.text ?? "").toLowerCase();
    return all[Number(now.run ?? 0)].filter(
      (row) =>
        (!now.set || row.set === now.set) &&
        (!now.arm || row.arm === now.arm) &&
        (!now.round || String(row.round) === now.round) &&
        (!now.seed || String(row.seed) === now.seed) &&
        (!now.level || row.level === now.level) &&
        (!now.verdict || row.status === now.verdict) &&
        (!now.kept || row.kept === (now.kept === "yes")) &&
        (!now.problem || row.problemKey === now.problem) &&
        (!wanted || row.text.toLowerCase().includes(wanted) || visible(row.text).toLowerCase().includes(wanted)),
    );
  }

  function show() {
    const now = state();
    const found = matching(now);
    const [some, total] = [found, all[Number(now.run ?? 0)]].map((rows) => counted(rows).toLocaleString("en"));
    byId("count").textContent = `${some} of ${total} shown`;
    byId("view").hidden = !Object.keys(now).length;
    byId("view").querySelector("code").textContent = link(now);
    const run = data.runs[Number(now.run ?? 0)];
    byId("problem").replaceChildren();
    byId("rows").replaceChildren();
    if (now.problem) {
      byId("problem").append(sideBySide(run, found, now, data.looks));
      byId("more").hidden = true;
    } else {
      byId("rows").append(...found.slice(0, shown).map((row) => card(row, chooseProblem)));
      byId("more").hidden = found.length <= shown;
    }
  }

  function chooseProblem(row) {
    for (const name of ["arm", "round", "verdict", "kept", "text"]) field(name).value = "";
    field("problem").value = row.problemKey;
    changed();
    byId("problem").querySelector("h3").focus();
  }

  function changed() {
    shown = PAGE;
    // Only the fragment: the page stays where it is, and Back leaves the page as it should.
    history.replaceState(null, "", link(state()));
    show();
  }

  field("run").replaceChildren(
    ...data.runs.map((run, i) => {
      const option = make("option", run.label);
      option.value = String(i);
      return option;
    }),
  );
  let typing = 0;
  form.addEventListener("input", (event) => {
    if (event.target.name === "run") setState({ run: field("run").value });
    clearTimeout(typing);
    typing = setTimeout(changed, event.target.name === "text" ? 150 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    setState({ run: field("run").value });
    changed();
  });
  byId("more").addEventListener("click", () => {
    const first = shown;
    shown += PAGE;
    show();
    byId("rows").children[first]?.focus();
  });
  const follow = () => {
    const wanted = readState();
    if (location.hash && !Object.keys(wanted).length) return; // the link of a section
    setState(wanted);
    shown = PAGE;
    show();
    if (Object.keys(wanted).length) byId("completions").scrollIntoView();
  };
  window.addEventListener("hashchange", follow);
  setState({});
  show();
  if (location.hash) follow();
}

const counted = (rows) => rows.reduce((sum, row) => sum + row.times, 0);

// A problem's completions stand together, whichever arm and round they are of.
function rowsOf(run, data) {
  return unordered(run, data).sort(
    (a, b) => a.place - b.place || a.setIndex - b.setIndex || a.round - b.round || a.armIndex - b.armIndex,
  );
}

function unordered(run, data) {
  const of = run.rows;
  const text = (i) => (i < 0 ? null : run.texts[i]);
  return (of.arm ?? []).map((arm, i) => {
    const problem = run.problems[of.problem[i]];
    return {
      set: data.sets[of.set[i]],
      setIndex: of.set[i],
      seed: of.seed[i],
      arm: run.arms[arm],
      look: data.looks[run.arms[arm]],
      armIndex: arm,
      round: of.round[i],
      problem,
      place: of.problem[i],
      problemKey: `${problem.seed}:${problem.id}`,
      level: problem.level,
      status: data.statuses[of.status[i]],
      kept: of.kept[i] < 0 ? null : of.kept[i] === 1,
      times: of.times[i],
      tokens: of.tokens[i],
      logprob: of.logprob[i],
      text: text(of.text[i]),
      extracted: text(of.extracted[i]),
      reason: text(of.reason[i]),
      truncated: (of.cut[i] & 1) === 1,
      cutHere: (of.cut[i] & 2) === 2,
    };
  });
}

function armName({ arm, look }) {
  return make("span", arm, `arm ${look}`);
}

function writing(row) {
  const part = block(row.text);
  part.classList.add("writing");
  if (!row.text) part.querySelector("pre").append(make("i", "(empty)"));
  if (row.cutHere) part.append(make("p", "Cut here: longer than a page takes.", "note"));
  return part;
}

// A text with its line breaks, all of it where one asks for that.
function block(text) {
  const part = make("div");
  const seen = visible(text);
  const pre = make("pre", seen.length > SHORT ? `${seen.slice(0, SHORT)} ...` : seen);
  part.append(pre);
  if (seen.length > SHORT) {
    const button = make("button", `Show all ${text.length.toLocaleString("en")} characters`);
    button.type = "button";
    button.addEventListener("click", () => {
      pre.textContent = seen;
      pre.tabIndex = -1;
      pre.focus();
      button.remove();
    });
    part.append(button);
  }
  return part;
}

function facts(row) {
  const line = make("p", "", "facts");
  line.append(make("b", row.status, `status ${row.status}`));
  if (row.times > 1) line.append(" ", make("b", `${row.times.toLocaleString("en")} times`, "times"));
  if (row.kept !== null) line.append(" ", make("span", row.kept ? "kept" : "not kept", row.kept ? "kept" : ""));
  if (row.logprob !== null)
    line.append(" ", make("span", `logprob ${row.logprob.toFixed(2)} in ${row.tokens} token${row.tokens === 1 ? "" : "s"}`));
  if (row.truncated) line.append(" ", make("span", "truncated"));
  return line;
}

function judged(row) {
  const line = make("p", "", "judged");
  if (row.extracted !== null) line.append("extracted ", make("code", visible(row.extracted)), " ");
  if (row.reason !== null) line.append("reason ", make("span", visible(row.reason)));
  return line;
}

function labelled(name, part) {
  const line = make("div", "", "labelled");
  line.append(make("span", name), part);
  return line;
}

function card(row, choose) {
  const article = make("article", "", "card");
  article.tabIndex = -1;
  const where = make("p", "", "where");
  where.append(armName(row), ` round ${row.round}, seed ${row.seed}, ${row.set}`);
  if (row.level) where.append(`, level ${visible(row.level)}`);
  article.append(where);
  const { prompt, answer } = row.problem;
  if (prompt !== undefined) article.append(labelled("prompt", block(prompt)));
  article.append(labelled("completion", writing(row)));
  if (answer !== undefined) article.append(labelled("right answer", block(answer)));
  article.append(facts(row), judged(row));
  const button = make("button", "This problem, side by side");
  button.type = "button";
  button.addEventListener("click", () => choose(row));
  article.append(button);
  return article;
}

function sideBySide(run, rows, now, looks) {
  const part = make("div", "", "side");
  const [seed] = now.problem.split(":", 1);
  const problem = run.problems.find((one) => `${one.seed}:${one.id}` === now.problem);
  const title = make("h3", `Problem ${visible(problem.id)}, seed ${seed}`);
  title.tabIndex = -1;
  part.append(title);
  const list = make("dl");
  const told = { level: "level", prompt: "prompt", answer: "right answer", reference: "judged by", solution: "real solution" };
  for (const [name, label] of Object.entries(told)) {
    if (!problem[name] || (name === "solution" && problem.solution === problem.answer)) continue;
    const value = make("dd");
    value.append(block(problem[name]));
    list.append(make("dt", label), value);
  }
  part.append(list);
  const arms = run.arms.filter((arm) => arm !== "base" && rows.some((row) => row.arm === arm));
  const rounds = [...new Set(rows.map((row) => row.round))].sort((a, b) => a - b);
  const scroll = make("div", "", "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Arms and rounds side by side");
  const table = make("table", "", "grid");
  const head = table.createTHead().insertRow();
  for (const arm of ["round", ...arms]) {
    const cell = make("th");
    cell.scope = "col";
    cell.append(arm === "round" ? arm : armName({ arm, look: looks[arm] }));
    head.append(cell);
  }
  const body = table.createTBody();
  for (const round of rounds) {
    const line = body.insertRow();
    const first = make("th", round === 0 ? "0, the base" : String(round));
    first.scope = "row";
    line.append(first);
    if (round === 0) {
      const cell = line.insertCell();
      cell.colSpan = Math.max(1, arms.length);
      cell.className = "of-base";
      cell.append(...entries(rows.filter((row) => row.round === 0)));
      continue;
    }
    for (const arm of arms)
      line.insertCell().append(...entries(rows.filter((row) => row.arm === arm && row.round === round)));
  }
  scroll.append(table);
  part.append(rows.length ? scroll : make("p", "No completion of it passes the other filters.", "note"));
  return part;
}

function entries(rows) {
  return rows.map((row) => {
    const part = make("div", "", "entry");
    part.append(writing(row), facts(row), judged(row));
    if (row.set === "held-out, greedy") part.append(make("p", "greedy", "where"));
    return part;
  });
}

// -------------------------------------------------------------------------------------------------

function trouble(failure) {
  const line = byId("trouble");
  line.hidden = false;
  line.textContent = `Something in this page does not work in this browser: ${failure}`;
  console.error(failure);
}

async function main() {
  const data = await unpack();
  wireFigures(data);
  browser(data);
  document.body.dataset.ready = performance.now(); // milliseconds after the page was asked for
}

main().catch(trouble);
