"use strict";
// Texts are only ever written as text: names of files may hold anything.
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const { columns, rows, names } = data;
const place = (title) => columns.findIndex((column) => column.title === title);
const [IMAGE, TARGET, SETTING, REACHED] = ["image", "target", "setting", "reached"].map(place);
const PAGE = 50;
const state = { sorted: null, descending: false, page: 0, found: rows.map((_, row) => row), open: 0 };

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// How a cell reads.
function written(row, column) {
  const value = rows[row][column];
  switch (columns[column].kind) {
    case "outcome": return value === null ? "failed" : value === 0 ? "none" : String(value);
    case "name": return value === null ? "–" : names[value];
    default: return value === null ? "–" : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }
}

// The order of names, in which numbers count as such: 2.png comes before 10.png.
let ranks = null;
function rank(name) {
  if (!ranks) {
    const collator = new Intl.Collator("en", { numeric: true });
    ranks = [];
    names.map((_, index) => index).sort((a, b) => collator.compare(names[a], names[b])).forEach((index, at) => { ranks[index] = at; });
  }
  return ranks[name];
}

// Rows without a value come last, whichever way the others are sorted; equal ones stay as they were recorded.
function sort() {
  const { sorted, descending, found } = state;
  if (sorted === null) return;
  const key = (row) => {
    const value = rows[row][sorted];
    return value === null ? null : columns[sorted].kind === "name" ? rank(value) : value;
  };
  found.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (descending ? y - x : x - y) || a - b;
  });
}

function filter() {
  const text = $("text").value.trim().toLowerCase();
  const setting = $("setting").value;
  const outcome = $("outcome").value;
  const passes = (row) => {
    const reached = row[REACHED];
    if (setting !== "" && names[row[SETTING]] !== data.settings[setting]) return false;
    if (outcome === "failed" && reached !== null) return false;
    if (outcome === "none" && reached !== 0) return false;
    if (outcome.startsWith("at ") && !(reached !== null && reached >= Number(outcome.slice(3)))) return false;
    return text === "" || [IMAGE, TARGET, SETTING].some((column) => names[row[column]].toLowerCase().includes(text));
  };
  state.found = [];
  rows.forEach((row, index) => { if (passes(row)) state.found.push(index); });
  state.page = 0;
  sort();
  show();
}

function show() {
  const { found, page } = state;
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  const body = $("table").tBodies[0];
  body.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map((row) => {
    const line = element("tr", undefined, { "data-row": row });
    columns.forEach((column, index) => {
      if (column.shown === "panel") return;
      const kinds = `${column.shown} ${column.kind === "name" ? "text" : ""}`;
      const cell = element("td", undefined, { class: kinds });
      if (index === IMAGE) cell.append(element("button", written(row, index), { type: "button" }));
      else cell.textContent = written(row, index);
      if (index === REACHED && rows[row][index] === null) cell.classList.add("bad");
      line.append(cell);
    });
    return line;
  }));
  const [first, last] = [found.length ? page * PAGE + 1 : 0, Math.min((page + 1) * PAGE, found.length)];
  $("count").textContent = `${first}–${last} of ${found.length}` + (found.length < rows.length ? `, filtered from ${rows.length}` : "");
  $("page").textContent = `Page ${page + 1} of ${pages}`;
  $("previous-page").disabled = page === 0;
  $("next-page").disabled = page >= pages - 1;
  $("pages").hidden = pages === 1;
  for (const header of $("table").tHead.rows[0].cells) {
    const sorted = Number(header.dataset.column) === state.sorted;
    header.setAttribute("aria-sort", sorted ? (state.descending ? "descending" : "ascending") : "none");
  }
}

function turn(by) {
  state.page += by;
  show();
  $("table").scrollIntoView({ block: "nearest" });
}

function divide() {
  const share = $("divide").value;
  document.querySelector(".compare").style.setProperty("--divide", `${share}%`);
  $("divide-value").textContent = `${share} % source, ${100 - share} % adversarial image`;
  $("divide").setAttribute("aria-valuetext", $("divide-value").textContent);
}

// The picture holds the perturbation as large as 8 bits let it; contrast about mid-grey makes it larger or smaller.
function magnify() {
  const times = Number($("magnify").value);
  $("perturbation").style.filter = `contrast(${times / state.held})`;
  $("magnify-value").textContent = `× ${times}`;
  $("magnify").setAttribute("aria-valuetext", $("magnify-value").textContent);
}

function open(row) {
  const at = state.found.indexOf(row);
  state.open = at;
  const title = $("panel-title");
  title.replaceChildren(written(row, IMAGE), element("small", `target: ${written(row, TARGET)} · ${written(row, SETTING)}`));
  const reason = data.reasons[row];
  $("reason").hidden = reason === undefined;
  $("reason").textContent = reason === undefined ? "" : `Failed: ${reason}`;
  const pictures = data.pictures[row];
  $("pictures").hidden = !pictures;
  $("no-pictures").hidden = Boolean(pictures) || reason !== undefined;
  $("no-pictures").textContent = "This file holds no pictures of this pair.";
  for (const id of ["source", "adversarial", "perturbation"]) {
    if (!pictures) { $(id).removeAttribute("src"); continue; }
    $(id).src = pictures[id];
    [$(id).width, $(id).height] = pictures.size;
  }
  if (pictures) {
    state.held = pictures.magnification;
    $("magnify").value = Math.round(state.held);
    magnify();
  }
  $("facts").replaceChildren(...columns.flatMap((column, index) => {
    if (reason !== undefined && rows[row][index] === null) return [];
    if ([IMAGE, TARGET, SETTING].includes(index)) return [];
    const line = element("div");
    line.append(element("dt", column.title), element("dd", written(row, index)));
    return [line];
  }));
  $("previous").disabled = at <= 0;
  $("next").disabled = at >= state.found.length - 1;
  if (!$("panel").open) $("panel").showModal();
}

const header = $("table").tHead.rows[0];
columns.forEach((column, index) => {
  if (column.shown === "panel") return;
  const kinds = `${column.shown} ${column.kind === "name" ? "text" : ""}`;
  const cell = element("th", undefined, { scope: "col", class: kinds, "data-column": index, "aria-sort": "none" });
  const button = element("button", column.title, { type: "button" });
  button.addEventListener("click", () => {
    state.descending = state.sorted === index && !state.descending;
    state.sorted = index;
    state.page = 0;
    sort();
    show();
  });
  cell.append(button);
  header.append(cell);
});
data.settings.forEach((setting, index) => $("setting").append(element("option", setting, { value: index })));
$("setting-label").hidden = data.settings.length < 2;
for (const threshold of data.thresholds) $("outcome").append(element("option", `reached ${threshold}`, { value: `at ${threshold}` }));
$("outcome").append(element("option", "reached none", { value: "none" }), element("option", "failed", { value: "failed" }));

$("filter").addEventListener("submit", (event) => event.preventDefault());
$("text").addEventListener("input", filter);
for (const id of ["setting", "outcome"]) $(id).addEventListener("change", filter);
$("previous-page").addEventListener("click", () => turn(-1));
$("next-page").addEventListener("click", () => turn(1));
$("table").tBodies[0].addEventListener("click", (event) => {
  const line = event.target.closest("tr");
  if (line) open(Number(line.dataset.row));
});
$("previous").addEventListener("click", () => open(state.found[state.open - 1]));
$("next").addEventListener("click", () => open(state.found[state.open + 1]));
$("close").addEventListener("click", () => $("panel").close());
$("divide").addEventListener("input", divide);
$("magnify").addEventListener("input", magnify);
divide();
for (const id of ["filter", "table"]) $(id).hidden = false;
show();
