"use strict";
(() => {
  const data = JSON.parse(document.getElementById("fleet-data").textContent);
  const table = document.getElementById("fleet");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const byId = (id) => document.getElementById(id);
  const text = (place) => data.texts[place];
  const clusterOf = (row) => data.clusters[Number(row.dataset.number)];

  // Everything that a search looks at, put together when somebody searches for the first time.
  let haystacks = null;
  const haystack = (row) => {
    const cluster = clusterOf(row);
    const sets = cluster.sets.flatMap((set) => [set.n, text(set.i), text(set.d), text(set.r), ...set.h.map(text)]);
    return [row.textContent, cluster.source, ...sets].join("\n").toLowerCase();
  };

  const filter = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length > 0 && haystacks === null) haystacks = new Map(rows.map((row) => [row, haystack(row)]));
    const verdict = byId("verdict").value;
    const platform = byId("platform").value;
    let shown = 0;
    for (const row of rows) {
      const fits = (verdict === "" || row.dataset.verdict === verdict)
        && (platform === "" || row.dataset.platform === platform)
        && words.every((word) => haystacks.get(row).includes(word));
      row.hidden = !fits;
      if (row.detail) row.detail.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("shown").textContent = `${shown} of ${rows.length} clusters shown`;
  };

  const key = (row, column, numeric) => {
    const cell = row.cells[column];
    const value = cell.dataset.key ?? cell.textContent.trim();
    return numeric ? Number(value) : value;
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const sort = (header) => {
    const column = header.cellIndex;
    const numeric = header.hasAttribute("data-numeric");
    // Numbers are sorted with the most first, since that is what is looked for.
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const direction = header.getAttribute("aria-sort") === first ? other : first;
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const [left, right] = [key(a, column, numeric), key(b, column, numeric)];
      const order = numeric ? left - right : collator.compare(left, right);
      return sign * order || Number(a.dataset.number) - Number(b.dataset.number);
    });
    const sorted = document.createDocumentFragment();
    for (const row of rows) {
      sorted.append(row);
      if (row.detail) sorted.append(row.detail);
    }
    body.append(sorted);
  };

  // Values are put in as text; none is ever read as markup.
  const element = (name, content) => {
    const made = document.createElement(name);
    if (content !== undefined) made.textContent = content;
    return made;
  };
  const setRow = (set) => {
    const row = element("tr");
    const counted = set.v === set.c ? text(set.v) : `${text(set.v)}, accepted`;
    const name = element("th", `${text(set.k)} ${set.n}`);
    name.scope = "row";
    const hazards = set.h.map(text).join(", ") || "-";
    const stops = set.s === undefined ? "-" : text(set.s);
    const cells = [counted, text(set.i), set.b, `${text(set.d)}: ${text(set.r)}`, text(set.m), hazards, stops];
    row.append(name, ...cells.map((cell) => element("td", cell)));
    return row;
  };
  const details = (row) => {
    const cluster = clusterOf(row);
    const detail = element("tr");
    detail.className = "detail";
    const cell = element("td");
    cell.colSpan = row.cells.length;
    cell.append(element("p", `Read from ${cluster.source}`));
    for (const problem of cluster.problems ?? []) cell.append(element("p", `Cannot be read: ${problem}`));
    for (const warning of cluster.warnings ?? []) cell.append(element("p", `Warning: ${text(warning)}`));
    if (cluster.blocked) cell.append(element("p", cluster.blocked));
    if (cluster.sets.length > 0) {
      const sets = element("table");
      const head = element("tr");
      const names = ["Set", "Verdict", "Next node boots", "Behind", "Plan", "Why", "Hazards", "Stops joining with"];
      head.append(...names.map((name) => { const th = element("th", name); th.scope = "col"; return th; }));
      sets.createTHead().append(head);
      sets.createTBody().append(...cluster.sets.map(setRow));
      cell.append(sets, element("p", "More of one set: osimage explain KIND/NAME, osimage inventory KIND/NAME"));
    }
    detail.append(cell);
    return detail;
  };
  const toggle = (button) => {
    const row = button.closest("tr");
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    if (row.detail) row.detail.remove();
    row.detail = open ? details(row) : null;
    if (open) row.after(row.detail);
  };

  for (const id of ["search", "verdict", "platform"]) byId(id).addEventListener("input", filter);
  byId("reset").addEventListener("click", () => {
    for (const id of ["search", "verdict", "platform"]) byId(id).value = "";
    filter();
  });
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button.closest("th"));
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button.more");
    if (button) toggle(button);
  });
})();
