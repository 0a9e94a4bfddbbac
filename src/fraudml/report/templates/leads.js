"use strict";
(() => {
  const { leads, items, words: w, types, schemes, visits, lang } = JSON.parse(document.getElementById("data").textContent);
  const byId = new Map(leads.map((lead) => [lead.id, lead]));
  const $ = (id) => document.getElementById(id);
  const money = new Intl.NumberFormat(lang === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 2 });
  const whole = new Intl.NumberFormat(lang === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 0 });
  const dash = "–";

  // text only ever becomes text: nothing from the data is parsed as HTML
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === false) continue;
      node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== "") node.append(child);
    return node;
  };
  const day = (iso) => {
    if (!iso) return dash;
    const [y, m, d] = iso.split("-").map(Number);
    return lang === "zh" ? `${y}年${m}月${d}日` : new Date(Date.UTC(y, m - 1, d)).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  };
  const span = (start, end) => {
    if (!end || end === start) return day(start);
    const short = lang === "zh" && start.slice(0, 4) === end.slice(0, 4) ? day(end).slice(5) : day(end);
    return `${day(start)} ${dash} ${short}`;
  };
  const level = (risk) => (risk >= 0.7 ? 3 : risk >= 0.4 ? 2 : 1);
  const sure = (risk) => {
    const at = level(risk);
    const name = [w.certainty_low, w.certainty_medium, w.certainty_high][at - 1];
    return [make("span", { class: "meter", "aria-hidden": "true" }, [1, 2, 3].map((n) => make("i", { class: n <= at ? "on" : "" }))), name];
  };
  const haystack = new Map(leads.map((lead) => [lead.id, [lead.title, lead.entity, lead.place, lead.region, types[lead.type], lead.id,
    ...lead.reasons.map((r) => r.text), ...lead.claims.flatMap((c) => [c.claim, c.patient, c.doctor, c.institution])].join("\n").toLowerCase()]));

  // ---- the list
  const option = (value, text) => make("option", { value }, text);
  const fill = (id, pairs) => $(id).append(option("", w.all), ...pairs.map(([value, text]) => option(value, text)));
  const used = (pick) => [...new Set(leads.flatMap(pick))].filter(Boolean);
  const counted = (ids, names, pick) => ids.map((id) => [id, `${names[id] ?? id} (${leads.filter((lead) => pick(lead).includes(id)).length})`]);
  const schemesOf = (lead) => lead.schemes.map((scheme) => scheme.id);
  fill("scheme", counted(Object.keys(schemes).filter((id) => used(schemesOf).includes(id)), schemes, schemesOf));
  fill("type", counted(Object.keys(types).filter((id) => used((lead) => [lead.type]).includes(id)), types, (lead) => [lead.type]));
  fill("region", counted(used((lead) => [lead.region]).sort(), {}, (lead) => [lead.region]));
  fill("least", [1e3, 1e4, 1e5, 1e6].map((value) => [value, whole.format(value)]));
  $("sort").append(option("rank", w.sort_rank), option("amount", w.sort_amount), option("risk", w.sort_risk), option("region", w.sort_region));
  const orders = {
    rank: (a, b) => a.rank - b.rank,
    amount: (a, b) => b.amount - a.amount || a.rank - b.rank,
    risk: (a, b) => b.risk - a.risk || a.rank - b.rank,
    region: (a, b) => a.region.localeCompare(b.region, lang) || a.rank - b.rank,
  };
  const row = (lead) =>
    make("li", {}, make("a", { class: "row", href: `#${lead.id}`, "data-id": lead.id },
      make("span", { class: "rank" }, String(lead.rank)),
      make("span", { class: "head" }, lead.title, make("small", {}, [types[lead.type], lead.entity, lead.region].filter(Boolean).join(" · ")),
        lead.drawn === "random" ? make("span", { class: "tag" }, w.drawn_random) : null),
      make("span", { class: "sum" }, whole.format(lead.amount), make("small", {}, lead.estimated ? `${w.amount} · ${w.estimated}` : w.amount)),
      make("span", { class: "sure" }, sure(lead.risk), make("small", {}, lead.basis)),
      make("span", { class: "why" }, lead.reasons.length ? lead.reasons[0].text : "")));
  const nodes = new Map(leads.map((lead) => [lead.id, row(lead)]));
  let order = leads;
  const list = () => {
    const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const scheme = $("scheme").value, type = $("type").value, region = $("region").value, least = Number($("least").value || 0);
    order = leads.filter((lead) => (!scheme || schemesOf(lead).includes(scheme)) && (!type || lead.type === type) && (!region || lead.region === region)
      && lead.amount >= least && words.every((word) => haystack.get(lead.id).includes(word))).sort(orders[$("sort").value]);
    $("rows").replaceChildren(...order.map((lead) => nodes.get(lead.id)));
    $("shown").textContent = w.shown.replace("{count}", whole.format(order.length));
    $("nothing").hidden = order.length > 0;
    $("nothing").textContent = leads.length ? w.nothing : w.empty;
  };
  for (const id of ["search", "scheme", "type", "region", "least", "sort"]) $(id).addEventListener("input", list);

  // ---- one lead
  const part = (title, ...content) => make("section", { class: "part" }, make("h3", {}, title), ...content);
  const bullets = (texts, tag = "ul", name = "") => make(tag, { class: name }, texts.map((text) => make("li", {}, text)));
  const fact = (name, value, kind = "") => make("div", {}, make("dt", {}, name), make("dd", { class: kind }, value));
  const figure = (picture) => {
    const node = make("figure", {}, make("figcaption", {}, picture.name, picture.caption ? make("span", {}, picture.caption) : null));
    const drawing = new DOMParser().parseFromString(picture.svg, "image/svg+xml").documentElement;
    node.append(document.importNode(drawing, true));
    return node;
  };
  const linesOf = (claim) => {
    if (!claim.lines.length) return null;
    const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, w.item), make("th", { scope: "col", class: "n" }, w.quantity),
      make("th", { scope: "col", class: "n" }, w.price), make("th", { scope: "col", class: "n" }, w.line_amount), make("th", { scope: "col", class: "n" }, w.in_question))),
      make("tbody", {}, claim.lines.map(([item, quantity, price, amount, asked]) => make("tr", {}, make("td", {}, items[item] ? `${items[item]} ${item}` : item),
        ...[quantity, price, amount].map((value) => make("td", { class: "n" }, value === null ? dash : money.format(value))),
        make("td", { class: asked === null ? "n" : "n asked" }, asked === null ? "" : money.format(asked))))));
    return make("details", {}, make("summary", {}, w.line_count.replace("{count}", claim.lines.length)), table);
  };
  const AT_FIRST = 12;
  const evidence = (lead, everything = false) => {
    const claims = everything ? lead.claims : lead.claims.slice(0, AT_FIRST);
    const names = [w.day, w.claim, w.visit, w.institution, w.doctor, w.patient, w.diagnosis];
    const head = make("tr", {}, names.map((text) => make("th", { scope: "col" }, text)),
      make("th", { scope: "col", class: "n" }, w.total), make("th", { scope: "col", class: "n" }, w.in_question));
    const body = claims.flatMap((claim) => {
      const cells = [make("td", { class: "day", "data-label": w.day }, span(claim.day, claim.ended)), ...[claim.claim, visits[claim.kind] ?? claim.kind, claim.institution, claim.doctor, claim.patient, claim.diagnosis]
        .map((text, at) => make("td", { "data-label": names[at + 1] }, text || dash)), make("td", { class: "n", "data-label": w.total }, money.format(claim.total)),
        make("td", { class: claim.amount > 0 ? "n asked" : "n", "data-label": w.in_question }, claim.amount > 0 ? money.format(claim.amount) : dash)];
      const more = [...claim.text.map((text) => make("div", {}, text)), linesOf(claim)].filter(Boolean);
      return [make("tr", {}, cells), more.length ? make("tr", { class: "more" }, make("td"), make("td", { colspan: 8 }, more)) : null].filter(Boolean);
    });
    const foot = [];
    const rest = lead.rest_amount + lead.claims.slice(claims.length).reduce((sum, claim) => sum + claim.amount, 0);
    if (rest > 0) foot.push(make("tr", {}, make("td", { colspan: 8 }, w.evidence_rest), make("td", { class: "n" }, money.format(rest))));
    if (!lead.estimated && !lead.loose.length && lead.amount > 0) foot.push(make("tr", { class: "sum" }, make("td", { colspan: 8 }, w.evidence_sum), make("td", { class: "n" }, money.format(lead.amount))));
    const note = lead.estimated ? w.evidence_look : w.evidence_note.replace("{shown}", claims.length).replace("{total}", lead.claims_total);
    const block = make("div", {}, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": w.evidence },
      make("table", { class: "claims" }, make("caption", {}, note), make("thead", {}, head), make("tbody", {}, body), make("tfoot", {}, foot))));
    if (claims.length < lead.claims.length) {
      const more = make("button", { type: "button", class: "all" }, w.show_all.replace("{count}", lead.claims.length));
      more.addEventListener("click", () => block.replaceWith(evidence(lead, true)));
      block.append(more);
    }
    return block;
  };
  const loose = (lead) => make("table", {}, make("caption", {}, w.evidence_loose), make("tbody", {}, lead.loose.map((each) =>
    make("tr", {}, make("td", { class: "day" }, day(each.day)), make("td", {}, each.text), make("td", { class: "n asked" }, each.amount > 0 ? money.format(each.amount) : "")))));
  const members = (lead) => make("table", {}, make("thead", {}, make("tr", {}, [w.kind, w.entity, w.role].map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, lead.members.map((member) => make("tr", {}, make("td", {}, types[member.entity_type] ?? member.entity_type), make("td", {}, member.entity_id), make("td", {}, w[`role_${member.role}`] ?? types[member.entity_type] ?? dash)))));

  const show = (lead) => {
    const at = order.indexOf(lead);
    const to = (other, text) => make("a", other ? { href: `#${other.id}` } : { "aria-disabled": "true" }, text);
    const print = make("button", { type: "button" }, w.print);
    print.addEventListener("click", () => window.print());
    const page = $("lead");
    page.replaceChildren(...[
      make("nav", { class: "bar" }, make("a", { href: "#" }, `← ${w.back}`), make("span", { class: "gap" }), to(order[at - 1], w.previous), to(at >= 0 ? order[at + 1] : undefined, w.next), print),
      make("div", { class: "title" }, make("h2", {}, lead.title, lead.drawn === "random" ? make("span", { class: "tag" }, w.drawn_random) : null),
        make("p", { class: "who" }, [`${types[lead.type]} ${lead.entity}`, lead.region].filter(Boolean).join(" · "))),
      make("dl", { class: "facts" }, fact(w.rank, `${lead.rank} / ${leads.length}`), fact(lead.estimated ? `${w.amount} · ${w.estimated}` : w.amount, money.format(lead.amount)),
        fact(w.certainty, [...sure(lead.risk), make("small", {}, lead.basis)]), fact(w.expected, [money.format(lead.expected), make("small", {}, `${w.range} ${whole.format(lead.low)}${dash}${whole.format(lead.high)}`)]), fact(w.period, span(lead.start, lead.end), "day"), lead.since ? fact(w.first_listed, day(lead.since), "day") : null,
        lead.place && lead.place !== lead.entity ? fact(w.place, lead.place) : null),
      make("div", { class: "columns" },
        make("div", {}, part(w.reasons, bullets(lead.reasons.map((r) => r.text), "ul", "reasons"), lead.counterfact ? make("p", { class: "counterfact" }, lead.counterfact) : null),
          part(w.checks, bullets(lead.checks, "ol", "checks")),
          lead.documents.length ? part(w.documents, bullets(lead.documents)) : null,
          lead.benign.length ? part(w.benign, bullets(lead.benign)) : null,
          part(w.clauses, lead.clauses.length ? lead.clauses.map((clause) => make("p", { class: "clause" }, clause.text || clause.id)) : make("p", {}, w.no_clause))),
        make("div", {}, part(w.pictures, lead.pictures.map(figure)))),
      lead.members.length ? part(w.members, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": w.members }, members(lead))) : null,
      part(w.evidence, lead.claims.length ? evidence(lead) : lead.loose.length ? null : make("p", {}, w.no_evidence), lead.loose.length ? loose(lead) : null),
    ].filter(Boolean));
    document.title = `${lead.rank} ${lead.title} ${lead.entity}`;
  };

  // ---- where we are: the address tells
  const title = document.title;
  let last = null;
  let scrolled = 0;
  const route = () => {
    const lead = byId.get(decodeURIComponent(location.hash.slice(1)));
    const reading = Boolean(lead);
    if (reading && last === null) scrolled = window.scrollY;
    document.body.classList.toggle("reading", reading);
    $("list").hidden = reading;
    document.querySelector(".masthead").hidden = reading;
    $("lead").hidden = !reading;
    if (reading) {
      show(lead);
      window.scrollTo(0, 0);
      $("lead").focus({ preventScroll: true });
      last = lead.id;
    } else {
      document.title = title;
      if (last !== null) {
        window.scrollTo(0, scrolled);
        nodes.get(last)?.querySelector("a").focus({ preventScroll: true });
      }
      last = null;
    }
  };
  window.addEventListener("hashchange", route);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const reading = !$("lead").hidden;
    const step = { j: 1, k: -1, ArrowRight: reading ? 1 : 0, ArrowLeft: reading ? -1 : 0 }[event.key];
    if (event.key === "/") {
      event.preventDefault();
      if (reading) location.hash = "";
      $("search").focus();
    } else if (event.key === "Escape" && reading) {
      location.hash = "";
    } else if (event.key === "p" && reading) {
      window.print();
    } else if (step) {
      if (reading) {
        const next = order[order.findIndex((lead) => lead.id === last) + step];
        if (next) location.hash = next.id;
      } else {
        const links = [...document.querySelectorAll("#rows a")];
        const next = links[Math.max(0, Math.min(links.length - 1, links.indexOf(document.activeElement) + step))];
        next?.focus();
      }
    }
  });
  list();
  route();
})();
