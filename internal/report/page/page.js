"use strict";
// Draws findings, matrix, paths and proposals from the data in the page. Text
// enters the page as text only (textContent): names come from outside.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const number = (n) => n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const count = (n, one) => n === 1 ? "1 " + one : number(n) + " " + one + "s";

  // el makes an element; strings among its children become text.
  function el(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
    }
    e.append(...children.flat(Infinity).filter(Boolean));
    return e;
  }
  const code = (text) => el("code", {}, text);
  const tag = (severity) => el("span", { class: "tag sev-" + severity }, severity);

  // short is a principal's name without the ARN around it.
  function short(principal) {
    const parts = principal.split(":");
    return parts[0] === "arn" && parts.length > 5 ? parts.slice(5).join(":") : principal;
  }
  const named = (w) => w.principal ? short(w.principal) : w.account ? "account " + w.account : "the inputs";

  // unfold shows a list a portion at a time, the next when its end comes near.
  function unfold(list, items, draw, portion) {
    list.replaceChildren();
    let next = 0;
    const end = el("button", { type: "button", class: "quiet more", onclick: () => more(portion) }, "Show more");
    const more = (n) => {
      const part = document.createDocumentFragment();
      for (const stop = Math.min(items.length, next + n); next < stop; next++) part.append(draw(items[next], next));
      end.remove();
      list.append(part);
      if (next < items.length) list.append(end);
    };
    const near = new IntersectionObserver((seen) => { if (seen.some((s) => s.isIntersecting)) more(portion); }, { rootMargin: "600px" });
    near.observe(end);
    more(portion);
    return { all: (most) => more(Math.max(0, Math.min(items.length, most) - next)) };
  }

  /* fields of a finding */

  function statement(s) {
    const line = el("li", {}, s.name, s.at && el("span", { class: "at" }, " ", code(s.at)));
    if (s.text) line.append(el("details", { class: "text" }, el("summary", {}, "statement"), el("pre", { tabindex: "0" }, s.text)));
    return line;
  }

  function path(hops) {
    const line = el("ol", { class: "path" }, el("li", {}, el("span", { class: "node", title: hops[0].from }, short(hops[0].from))));
    for (const h of hops) {
      const how = "by " + h.by + (h.condition ? ", if " + h.condition : "");
      line.append(el("li", {}, el("span", { class: "hop" }, how), el("span", { class: "node", title: h.to }, short(h.to))));
    }
    return line;
  }

  function hopStatements(hops) {
    const all = hops.flatMap((h) => h.statements || []);
    return all.length ? el("details", { class: "text" }, el("summary", {}, count(all.length, "statement")), el("ul", {}, all.map(statement))) : "";
  }

  async function copy(button, pre) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      getSelection().selectAllChildren(pre);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  function proposal(p) {
    const parts = [el("p", {}, p.text)];
    if (p.policy) {
      const pre = el("pre", { tabindex: "0" }, p.policy);
      const button = el("button", { type: "button", class: "quiet", onclick: () => copy(button, pre) }, "Copy");
      parts.push(el("div", { class: "policy" }, button, pre));
    }
    if (p.proof) parts.push(el("p", { class: "proof" }, "Proof: ", p.proof));
    return parts;
  }

  function members(all, most) {
    const line = (w) => el("li", {}, w.principal ? code(w.principal) : named(w), w.at && el("span", { class: "at" }, " ", code(w.at)));
    const list = el("ul", {}, all.slice(0, most).map(line));
    if (all.length > most) {
      const rest = el("button", { type: "button", class: "quiet", onclick: () => { rest.parentNode.replaceWith(...all.slice(most).map(line)); } }, "show " + number(all.length - most) + " more");
      list.append(el("li", {}, rest));
    }
    return list;
  }

  function fields(f) {
    const list = el("dl", { class: "fields" });
    const add = (name, ...content) => {
      if (content.some((c) => c && (!Array.isArray(c) || c.length))) list.append(el("dt", {}, name), el("dd", {}, ...content));
    };
    add(f.who.length > 1 ? "Who" : "Principal", members(f.who, 12));
    add("What", f.resource && code(f.resource));
    add("Detail", f.detail);
    add("Because", f.statements && el("ul", {}, f.statements.map(statement)));
    add("When", f.condition && code(f.condition));
    if (f.path) add("Path", path(f.path), hopStatements(f.path));
    add("Example", f.witness && el("details", { class: "text" }, el("summary", {}, "a request that shows it"), el("pre", { tabindex: "0" }, f.witness)));
    if (f.proposal) add("Do", proposal(f.proposal));
    add("Suppressed", f.suppressed);
    if (f.who.length === 1) add("Fingerprint", code(f.who[0].id));
    return list;
  }

  /* findings */

  const severities = ["critical", "high", "medium", "low", "info"];
  const wanted = new Set();
  const explained = new Set(); // rules whose help stands in the list
  let shownFindings, drawnRule;

  // text of a finding, for the search; made when first asked for
  function words(f) {
    f.words ||= [f.rule, (data.rules[f.rule] || {}).title, f.title, f.detail, f.resource, f.condition, f.suppressed,
      f.who.map((w) => w.principal + " " + w.account + " " + w.id + " " + (w.at || "")),
      (f.statements || []).map((s) => s.name + " " + (s.at || "")), (f.path || []).map((h) => h.from + " " + h.by + " " + h.to)]
      .flat(2).join("\n").toLowerCase();
    return f.words;
  }

  function ruleHead(f) {
    const rule = explained.has(f.rule) ? { title: (data.rules[f.rule] || {}).title } : data.rules[f.rule] || {};
    explained.add(f.rule);
    const refs = (rule.reference || []).filter((r) => r.startsWith("https://"))
      .map((r, i) => [i ? " · " : "", el("a", { href: r, rel: "noreferrer noopener" }, r.slice(8).replace(/\/$/, ""))]);
    return el("section", { class: "rule" }, el("header", {}, el("h3", {}, rule.title || f.rule), el("code", { class: "dim" }, f.rule),
      rule.help && el("p", { class: "help" }, rule.help), refs.length && el("p", { class: "refs" }, refs)));
  }

  function finding(f) {
    const body = el("details", { class: "finding sev-" + f.severity + (f.suppressed ? " suppressed" : "") },
      el("summary", {}, tag(f.severity), el("span", {}, f.title, f.suppressed && el("span", { class: "dim" }, " (suppressed)")),
        el("span", { class: "turn", "aria-hidden": "true" }),
        el("span", { class: "who" }, f.who.length === 1 ? named(f.who[0]) : count(f.who.length, "principal") + ": " + f.who.slice(0, 3).map(named).join(", ") + (f.who.length > 3 ? " …" : ""))));
    body.addEventListener("toggle", () => { if (body.open) fill(body, f); });
    body.fill = () => fill(body, f);
    return body;
  }
  function fill(body, f) { if (!body.querySelector(".fields")) body.append(fields(f)); }

  function drawFindings() {
    const terms = $("f-text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const rule = $("f-rule").value;
    const found = data.findings.filter((f) => (!rule || f.rule === rule) && (!wanted.size || wanted.has(f.severity)) && terms.every((t) => words(f).includes(t)));
    const total = found.reduce((n, f) => n + f.who.length, 0), all = data.findings.reduce((n, f) => n + f.who.length, 0);
    const quiet = found.reduce((n, f) => n + (f.suppressed ? f.who.length : 0), 0);
    $("f-count").textContent = [count(total, "finding") + (total < all ? " of " + number(all) : ""), quiet && number(quiet) + " suppressed", found.length < total && "equal ones together"].filter(Boolean).join(", ");
    drawnRule = "";
    explained.clear();
    shownFindings = unfold($("f-list"), found, (f) => {
      if (f.rule + f.severity === drawnRule) return finding(f);
      drawnRule = f.rule + f.severity;
      const head = ruleHead(f);
      head.append(finding(f));
      return head;
    }, 40);
    if (!found.length) $("f-list").append(el("p", { class: "none-found" }, all ? "Nothing matches." : "No findings."));
  }

  function findingFilters() {
    for (const s of severities) {
      const b = el("button", { type: "button", class: "sev-" + s, "aria-pressed": "false", "data-severity": s, onclick: () => { press(s, !wanted.has(s)); drawFindings(); } }, s);
      $("f-severity").append(b);
    }
    for (const id of [...new Set(data.findings.map((f) => f.rule))].sort()) $("f-rule").append(el("option", { value: id }, id + " " + ((data.rules[id] || {}).title || "")));
    $("f-text").addEventListener("input", later(drawFindings));
    $("f-rule").addEventListener("change", drawFindings);
  }
  function press(severity, on) {
    on ? wanted.add(severity) : wanted.delete(severity);
    document.querySelector(`[data-severity="${severity}"]`).setAttribute("aria-pressed", on);
  }
  // later runs f once typing pauses.
  function later(f) { let timer; return () => { clearTimeout(timer); timer = setTimeout(f, 120); }; }

  /* matrix */

  const decisions = {
    allowed: { mark: "●", word: "yes", text: "allowed", rank: 4 },
    conditional: { mark: "◐", word: "if", text: "conditional", rank: 3 },
    undetermined: { mark: "?", word: "open", text: "undetermined", rank: 2 },
    explicit_deny: { mark: "✕", word: "no", text: "explicitly denied", rank: 1 },
  };
  const known = (d) => decisions[d] || { mark: "?", word: d, text: d, rank: 0 };
  const M = data.matrix;
  let shownRows;

  // rightsOf pairs each right of a row with its column.
  function rightsOf(row) {
    const out = [];
    for (let i = 0; i < row.rights.length; i += 2) out.push([M.columns[row.rights[i]], M.cells[row.rights[i + 1]]]);
    return out;
  }

  function matrixView() {
    const action = $("m-action").value, region = $("m-region").value, decision = $("m-decision").value;
    const target = $("m-target").value.toLowerCase();
    const fits = (c) => (!action || c.action === action) && (!region || c.region === region) && c.target.toLowerCase().includes(target);
    const columns = M.columns.filter(fits);
    const perTarget = new Map();
    for (const c of columns) perTarget.set(c.target, (perTarget.get(c.target) || 0) + 1);
    return { fits, decision, perTarget, targets: [...perTarget.keys()].sort() };
  }

  function cell(rights, outOf) {
    if (!rights) return el("td", { class: "cell" });
    let best = rights[0][1];
    for (const [, c] of rights) if (known(c.decision).rank > known(best.decision).rank) best = c;
    const same = rights.filter(([, c]) => c.decision === best.decision);
    const d = known(best.decision);
    const hops = Math.min(...same.map(([, c]) => c.hops || 0));
    const idle = same.every(([, c]) => c.used === "unused");
    const notes = [same.length < outOf && same.length + " of " + outOf, hops > 0 && count(hops, "hop"), idle && "unused", best.until && "ends"].filter(Boolean);
    const why = [d.text, best.condition && "if " + best.condition, best.from && "from " + best.from, best.until && "until " + best.until].filter(Boolean).join(", ");
    return el("td", { class: "cell d-" + best.decision, title: rights[0][0].target + ": " + why }, el("b", { "aria-hidden": "true" }, d.mark), d.word, notes.length && el("small", {}, notes.join(", ")));
  }

  function rowDetail(row, width) {
    const line = ([c, x]) => el("tr", {}, el("td", {}, code(c.target)), el("td", {}, c.action), el("td", {}, c.region || ""),
      el("td", {}, known(x.decision).mark + " " + known(x.decision).text), el("td", {}, x.condition ? code(x.condition) : ""),
      el("td", {}, [x.from && "from " + x.from, x.until && "until " + x.until, x.hops && count(x.hops, "hop"), x.used === "unknown" ? "use unknown" : x.used].filter(Boolean).join(", ")));
    const heads = ["Target", "Action", "Region", "Decision", "If", "Also"].map((h) => el("th", { scope: "col" }, h));
    return el("tr", {}, el("td", { class: "detail", colspan: width },
      el("div", {}, el("div", { class: "members" }, members(row.who.map(([principal, account]) => ({ principal, account })), 6)),
        row.shown.length ? el("table", { class: "plain" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, row.shown.slice(0, 500).map(line)))
          : el("p", { class: "dim" }, "No rights here."))));
  }

  function matrixRow(row, view) {
    const [principal, account, kind] = row.who[0];
    const label = el("button", { type: "button", "aria-expanded": "false" }, el("span", { class: "name" }, short(principal)),
      row.who.length > 1 && el("span", {}, " and " + number(row.who.length - 1) + " more"), el("small", {}, kind + " · " + account));
    const tr = el("tr", {}, el("th", { scope: "row" }, label));
    for (const t of view.targets) tr.append(cell(row.byTarget.get(t), view.perTarget.get(t)));
    tr.append(el("td", { class: "rest" }));
    let detail;
    const turn = () => {
      if (detail) { detail.remove(); detail = undefined; } else { detail = rowDetail(row, view.targets.length + 2); tr.after(detail); }
      label.setAttribute("aria-expanded", detail ? "true" : "false");
    };
    tr.addEventListener("click", turn);
    return tr;
  }

  // visible is a row as the filters leave it, or nothing.
  function visible(row, who, view) {
    const members = who ? row.who.filter((w) => w.join(" ").toLowerCase().includes(who)) : row.who;
    if (!members.length) return;
    const shown = rightsOf(row).filter(([c, x]) => view.fits(c) && (!view.decision || x.decision === view.decision));
    if (view.decision && !shown.length) return;
    const byTarget = new Map();
    for (const r of shown) byTarget.has(r[0].target) ? byTarget.get(r[0].target).push(r) : byTarget.set(r[0].target, [r]);
    return { who: members, shown, byTarget };
  }

  function drawMatrix() {
    const view = matrixView(), who = $("m-who").value.toLowerCase();
    const rows = M.rows.map((r) => visible(r, who, view)).filter(Boolean);
    const people = rows.reduce((n, r) => n + r.who.length, 0);
    $("m-count").textContent = count(people, "principal") + " in " + count(rows.length, "row") + ", " + count(view.targets.length, "target");
    const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Principal"),
      view.targets.map((t) => el("th", { scope: "col", title: t }, el("span", {}, t))), el("td", { class: "rest" })));
    const body = el("tbody");
    $("m-table").replaceChildren(head, body);
    $("m-scroll").scrollTo(0, 0);
    document.body.classList.toggle("many", view.targets.length > 12);
    shownRows = unfoldRows(body, rows, (r) => matrixRow(r, view));
    if (!M.rows.length) $("m-count").textContent = "No rights were reported.";
  }

  // unfoldRows is unfold for a table that scrolls within itself.
  function unfoldRows(body, rows, draw) {
    let next = 0;
    const box = $("m-scroll");
    const more = (n) => { for (const stop = Math.min(rows.length, next + n); next < stop; next++) body.append(draw(rows[next])); };
    box.onscroll = () => { if (box.scrollTop + box.clientHeight > box.scrollHeight - 800) more(60); };
    more(60);
    return { all: (most) => more(Math.max(0, most - next)) };
  }

  function matrixFilters() {
    const options = (id, values, text) => { for (const v of values) $(id).append(el("option", { value: v }, text ? text(v) : v)); };
    options("m-action", [...new Set(M.columns.map((c) => c.action))].sort());
    options("m-region", [...new Set(M.columns.map((c) => c.region).filter(Boolean))].sort());
    options("m-decision", [...new Set(M.cells.map((c) => c.decision))].sort((a, b) => known(b).rank - known(a).rank), (d) => known(d).text);
    for (const id of ["m-action", "m-region", "m-decision"]) $(id).addEventListener("change", drawMatrix);
    for (const id of ["m-who", "m-target"]) $(id).addEventListener("input", later(drawMatrix));
    for (const d of Object.keys(decisions)) $("m-legend").append(el("li", { class: "d-" + d }, decisions[d].mark + " " + decisions[d].word + ": " + decisions[d].text));
  }

  /* paths and proposals */

  function cardHead(f) {
    return el("div", { class: "head" }, tag(f.severity), el("a", { href: "#findings/" + f.rule }, f.title),
      el("span", {}, f.who.length === 1 ? named(f.who[0]) : count(f.who.length, "principal")));
  }
  function drawPaths() {
    const all = data.findings.filter((f) => f.path).sort((a, b) => a.path.length - b.path.length);
    unfold($("p-list"), all, (f) => el("article", { class: "card" }, cardHead(f), path(f.path), hopStatements(f.path)), 40);
    if (!all.length) $("p-list").append(el("p", { class: "none-found" }, "No paths were found."));
  }
  function drawProposals() {
    const all = data.findings.filter((f) => f.proposal);
    unfold($("r-list"), all, (f) => el("article", { class: "card" }, cardHead(f), proposal(f.proposal)), 20);
    if (!all.length) $("r-list").append(el("p", { class: "none-found" }, "No proposals."));
  }

  /* views, theme, paper */

  const views = [...document.querySelectorAll(".view")];
  const draw = { findings: drawFindings, matrix: drawMatrix, paths: drawPaths, proposals: drawProposals };
  const drawn = new Set();

  // show goes where the address says: #view, or #findings/ a rule or severity.
  function show() {
    const [name, filter] = decodeURIComponent(location.hash.slice(1)).split("/");
    const view = views.find((v) => v.id === name) || views[0];
    for (const v of views) v.classList.toggle("on", v === view);
    for (const a of document.querySelectorAll("nav a")) a.getAttribute("href") === "#" + view.id ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current");
    if (view.id === "findings" && filter) {
      for (const s of severities) press(s, s === filter);
      $("f-rule").value = severities.includes(filter) ? "" : filter;
      $("f-text").value = "";
      drawn.delete("findings");
    }
    if ($("incomplete")) $("incomplete").open = view === views[0];
    once(view.id);
    window.scrollTo(0, 0);
  }
  function once(id) {
    if (draw[id] && !drawn.has(id)) { drawn.add(id); draw[id](); }
  }

  function theme() {
    const root = document.documentElement, button = $("theme");
    const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const say = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
    button.hidden = false;
    say();
  }

  addEventListener("beforeprint", () => {
    Object.keys(draw).forEach(once);
    shownFindings.all(2000);
    shownRows.all(200);
    for (const f of document.querySelectorAll(".finding")) { f.fill(); f.open = true; }
    if ($("incomplete")) $("incomplete").open = true;
  });
  for (const f of document.querySelectorAll(".filters")) {
    f.hidden = false;
    f.addEventListener("submit", (e) => e.preventDefault());
  }
  document.documentElement.classList.add("js");
  findingFilters();
  matrixFilters();
  theme();
  addEventListener("hashchange", show);
  show();
})();
