// The page's controls: charts that come alive, legends, downloads. The fields are in fields.js.
"use strict";
document.documentElement.classList.add("scripted");

const contentOf = (figure) => JSON.parse(figure.querySelector("script[type='application/json']").textContent);
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));

function saveTable(name, head, rows) {
  const lines = [head, ...rows].map((row) => row.map(quoted).join(","));
  save(name, new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
}

const hidden = new Map(); // names of the lines that are switched off, by group
const views = new Map();
const settings = JSON.parse(document.getElementById("vega-config").textContent);

const hiddenOf = (figure) => [...(hidden.get(figure.closest("[data-group]")?.dataset.group) ?? [])];

async function enliven(figure) {
  const spec = { ...contentOf(figure), width: "container" };
  const plot = figure.querySelector(".plot");
  const live = document.createElement("div");
  live.className = "live";
  plot.append(live);
  const { view } = await vegaEmbed(live, spec, { renderer: "svg", actions: false, config: settings });
  views.set(figure, view);
  await view.signal("hidden", hiddenOf(figure)).runAsync();
  plot.querySelector(":scope > svg").remove();
  plot.dataset.live = "";
}

async function saveDrawing(figure) {
  const spec = contentOf(figure);
  const holder = document.createElement("div");
  const config = { ...settings, background: "var(--card)", legend: { orient: "bottom", columns: 3, symbolType: "stroke",
    labelColor: "var(--ink)" }, title: { color: "var(--ink)", anchor: "start" } };
  const title = figure.querySelector(".title").textContent;
  const { view } = await vegaEmbed(holder, { ...spec, title }, { renderer: "svg", actions: false, config });
  const svg = await view.signal("hidden", hiddenOf(figure)).runAsync().then(() => view.toSVG());
  const plain = svg.replace(/var\((--[\w-]+)\)/g, (_, name) => colourOf(name));
  save(`${figure.id}.svg`, new Blob([plain], { type: "image/svg+xml" }));
  view.finalize();
}

function saveNumbers(figure) {
  const spec = contentOf(figure);
  const columns = Object.entries(spec.usermeta.columns).filter(([key]) => spec.data.values.some((row) => key in row));
  saveTable(`${figure.id}.csv`, columns.map(([, title]) => title),
    spec.data.values.map((row) => columns.map(([key]) => row[key])));
}

const charts = [...document.querySelectorAll("figure.chart")];
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      watcher.unobserve(target);
      enliven(target);
    }
  }
}, { rootMargin: "400px" });
charts.forEach((figure) => watcher.observe(figure));

document.addEventListener("change", ({ target }) => {
  const group = target.closest("[data-group]");
  if (!group || !target.matches("[data-series]")) return;
  const names = hidden.get(group.dataset.group) ?? new Set();
  target.checked ? names.delete(target.dataset.series) : names.add(target.dataset.series);
  hidden.set(group.dataset.group, names);
  charts.filter((figure) => group.contains(figure) && views.has(figure))
    .forEach((figure) => views.get(figure).signal("hidden", [...names]).runAsync());
});

document.addEventListener("click", ({ target }) => {
  const kind = target.dataset?.save;
  const figure = target.closest("figure");
  if (kind === "csv" && figure.matches(".chart")) saveNumbers(figure);
  if (kind === "svg") saveDrawing(figure);
  if (kind === "table") {
    const rows = [...figure.querySelectorAll("table tr:not(.group)")].map((row) => [...row.cells].map((cell) =>
      cell.dataset.value ?? cell.textContent.trim()));
    saveTable(`${figure.id}.csv`, rows[0], rows.slice(1));
  }
});

let closed = []; // what was opened for the printer
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));
