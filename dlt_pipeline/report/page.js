"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const symbols = data.symbols;
  const health = data.health;
  const packed = [...document.querySelectorAll("script.candles")];
  const DAY = 86400;
  const RANGES = [["6 h", DAY / 4], ["24 h", DAY], ["7 d", 7 * DAY], ["30 d", 30 * DAY], ["90 d", 90 * DAY], ["1 y", 365 * DAY], ["All", Infinity]];
  const AT_ONCE = 420; // candles that the timeframe "auto" shows at most
  const STATES = ["not asked for", "proven", "partly proven", "Kraken's REST candles only", "Kraken's downloads only", "missing", "accepted as missing"];
  const WORST = [5, 2, 4, 3, 6, 1, 0]; // of the states of days that one column stands for
  const KINDS = { "-": "", o: "not over yet", e: "empty: nobody traded", c: "market closed", r: "Kraken's own (REST)", a: "Kraken's own (download)" };
  const state = { index: 0, range: 7 * DAY, timeframe: "", sort: null, rows: [], cursor: -1 };

  // ---- text and numbers

  function el(tag, options = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (name === "class") node.className = value;
      else if (name === "style") node.style.cssText = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.map((each) => (each instanceof Node ? each : String(each))));
    return node;
  }
  const grouped = (text) => {
    const [whole, ...rest] = String(text).split(".");
    return [whole.replace(/\B(?=(\d{3})+(?!\d))/g, ","), ...rest].join(".").replace("-", "−");
  };
  const count = (value) => (value === null || value === undefined ? "" : grouped(value));
  const percent = (value, digits = 2) => {
    if (value === null || value === undefined) return "";
    const text = Math.abs(value * 100).toFixed(digits);
    return (Number(text) === 0 ? "" : value < 0 ? "−" : "+") + grouped(text) + " %";
  };
  const compact = (value) => (value === null || value === undefined ? "" : new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 }).format(value));
  const bytes = (value) => {
    for (const [unit, name] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"]]) if (value >= unit) return (value / unit).toFixed(1) + " " + name;
    return Math.round(value / 1000) + " kB";
  };
  const duration = (seconds) => {
    if (seconds === null || seconds === undefined) return "";
    for (const [unit, name, digits] of [[DAY, "days", 1], [3600, "h", 1], [60, "min", 0]]) if (seconds >= unit * 1.66) return (seconds / unit).toFixed(digits) + " " + name;
    return seconds.toFixed(0) + " s";
  };
  const moment = (ms, seconds = 60) => {
    if (ms === null || ms === undefined) return "";
    const text = new Date(ms).toISOString();
    return seconds >= DAY ? text.slice(0, 10) : text.slice(0, 10) + " " + text.slice(11, seconds < 60 || ms % 60000 ? 19 : 16);
  };
  // A whole number of units of its last decimal, as text with all of them.
  const exact = (whole, decimals) => {
    if (whole === null) return "";
    const digits = (whole < 0n ? -whole : whole).toString().padStart(decimals + 1, "0");
    const point = digits.length - decimals;
    return (whole < 0n ? "-" : "") + digits.slice(0, point) + (decimals ? "." + digits.slice(point) : "");
  };
  const side = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
  const base = (name) => (name.includes("/") ? name.split("/")[0] : "");
  const quote = (name) => (name.includes("/") ? name.slice(name.indexOf("/") + 1) : "");
  // The library takes what looks like tags for formatting.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // ---- tables

  // columns: [title, cell of a row (text or node), is a number, value to sort by]
  function table(columns, rows, caption, sort, onsort) {
    const head = columns.map(([title, , isNumber], at) => {
      const th = el("th", { scope: "col", class: isNumber === true ? "number" : "" });
      if (onsort && columns[at][3]) {
        if (sort && sort.at === at) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
        th.append(el("button", { type: "button", onclick: () => onsort(at) }, title));
      } else th.append(title);
      return th;
    });
    const body = rows.map((row) => {
      const cells = columns.map(([, cell, isNumber]) => {
        const shown = cell(row);
        return el("td", { class: isNumber === true ? "number" : isNumber || "" }, shown ?? "");
      });
      return el("tr", {}, ...cells);
    });
    const made = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body));
    if (caption) made.setAttribute("aria-label", caption);
    return made;
  }
  function part(id, ...nodes) {
    byId(id).replaceChildren(...nodes.filter(Boolean));
  }
  const note = (text) => el("p", { class: "note" }, text);
  const scroll = (label, made) => el("div", { class: "scroll clip", tabindex: "0", role: "region", "aria-label": label }, made);
  const some = (rows, most) => (rows.length > most ? note(`The first ${count(most)} of ${count(rows.length)} are shown.`) : null);

  // ---- the library and the candles, unpacked when they are wanted

  async function inflated(node) {
    const bytes_ = Uint8Array.from(atob(node.textContent.trim()), (each) => each.charCodeAt(0));
    return new Response(new Blob([bytes_]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }
  let library = null;
  function plotly() {
    library ??= inflated(byId("plotly")).then((code) => {
      document.head.append(el("script", {}, code));
      return window.Plotly;
    });
    return library;
  }
  const candles = new Map();
  function seriesOf(index) {
    if (!candles.has(index)) candles.set(index, inflated(packed[index]).then((text) => JSON.parse(text)));
    return candles.get(index);
  }
  function unpack(one) {
    if (one.rows) return one.rows;
    const column = (name) => one[name].split(",");
    const [steps, moves, bodies, aboves, belows, volumes, trades, takens] = ["step", "move", "body", "above", "below", "volume", "trade_count", "taken"].map(column);
    let at = one.start;
    let before = 0n;
    one.rows = steps.map((step, i) => {
      at += step === "" ? 0 : Number(step) * one.seconds;
      const row = { at: at * 1000, open: null, high: null, low: null, close: null, volume: volumes[i] === "" ? null : BigInt(volumes[i]), trades: trades[i], taken: takens[i] === "" ? null : Number(takens[i]) / 1000, kind: one.kinds[i] };
      if (moves[i] !== "") {
        row.close = before += BigInt(moves[i]);
        row.open = row.close + BigInt(bodies[i]);
        row.high = (row.open > row.close ? row.open : row.close) + BigInt(aboves[i]);
        row.low = (row.open < row.close ? row.open : row.close) - BigInt(belows[i]);
      }
      return row;
    });
    return one.rows;
  }
  const label = (one) => (one.merged > 1 ? `${one.merged} × ${one.timeframe}` : one.timeframe);
  const held = (symbol, one) => symbol.timeframes.find((each) => each[0] === one.timeframe);
  const isWhole = (symbol, one) => one.merged > 1 || one.kinds.length >= held(symbol, one)[2];

  // ---- first screen

  const WATCH = [
    ["Symbol", (row) => row.name, "", (row) => row.name],
    ["Last", (row) => el("span", { title: quote(row.name) }, grouped(row.last ?? "")), true, (row) => Number(row.last)],
    ["24 h", (row) => change(row.day), true, (row) => row.day?.change],
    ["7 d", (row) => change(row.week), true, (row) => row.week?.change],
    ["7 days", (row) => sparkline(row.line), "", null],
    ["Imbalance", (row) => balance(row.day?.taken), true, (row) => row.day?.taken],
    ["Volume 24 h ≈", (row) => (row.day ? el("span", { title: `${row.day.volume ?? ""} ${base(row.name)}` }, compact(row.day.volume === null ? null : Number(row.day.volume))) : ""), true, (row) => Number(row.day?.volume)],
  ];
  function change(span) {
    if (!span) return "";
    const part_ = span.proven < 0.9995;
    const text = percent(span.change) + (part_ && span.change !== null ? " *" : "");
    return el("span", { class: side(span.change), title: part_ ? `Only ${(span.proven * 100).toFixed(1)} % of this time is proven` : null }, text);
  }
  function sparkline(points) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "line");
    svg.setAttribute("viewBox", "0 -4 100 108");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    if (points.length > 1) path.setAttribute("d", "M" + points.map((y, i) => `${((i / (points.length - 1)) * 100).toFixed(1)} ${100 - y}`).join("L"));
    svg.append(path);
    return svg;
  }
  function balance(taken) {
    if (taken === null || taken === undefined) return el("span", { class: "soft" }, "not known");
    const width = Math.abs(taken) * 50;
    const bar = el("i", { style: `left:${taken < 0 ? 50 - width : 50}%;width:${width}%;background:var(--${taken < 0 ? "down" : "up"})` });
    return el("span", { class: side(taken) }, percent(taken, 1), el("span", { class: "balance", "aria-hidden": "true" }, bar));
  }
  function watchlist() {
    const wanted = byId("find").value.trim().toLowerCase();
    let rows = symbols.map((row, index) => ({ ...row, index })).filter((row) => row.name.toLowerCase().includes(wanted));
    if (state.sort) {
      const value = WATCH[state.sort.at][3];
      const order = (a, b) => (a === b ? 0 : a === undefined || a === null || Number.isNaN(a) ? 1 : b === undefined || b === null || Number.isNaN(b) ? -1 : (a < b ? -1 : 1) * (state.sort.down ? -1 : 1));
      rows = rows.sort((a, b) => order(value(a), value(b)));
    }
    const columns = WATCH.map((each, at) => (at ? each : ["Symbol", (row) => el("button", { type: "button", "aria-pressed": String(row.index === state.index), "data-index": row.index, title: row.name }, row.name), "", each[3]]));
    const made = table(columns, rows, "Symbols", state.sort, (at) => {
      state.sort = { at, down: state.sort?.at === at ? !state.sort.down : at > 0 };
      watchlist();
      byId("watchlist").querySelectorAll("th")[at].querySelector("button").focus();
    });
    [...made.tBodies[0].rows].forEach((tr, at) => {
      if (rows[at].index === state.index) tr.setAttribute("data-chosen", "");
      tr.addEventListener("click", () => choose(rows[at].index, true));
    });
    part("watchlist", made);
    const partly = symbols.some((row) => row.day && (row.day.proven < 0.9995 || row.week.proven < 0.9995));
    byId("watch-note").textContent = `${count(rows.length)} of ${count(symbols.length)} symbols. Volume, in the base currency, and imbalance are of 24 hours. Change is against the last price before the 24 hours or 7 days, which end with each symbol's newest candle. Imbalance is (bought − sold) ÷ (bought + sold) of the base volume, by what takers did.` + (partly ? " * not all of that time is proven." : "");
  }
  function choose(index, keepFocus = false) {
    state.index = index;
    state.timeframe = "";
    byId("symbol").value = String(index);
    watchlist();
    if (keepFocus) byId("watchlist").querySelector(`button[data-index="${index}"]`)?.focus();
    return draw();
  }
  function radios(id, name, options, chosen, onchange) {
    const legend = byId(id).querySelector("legend");
    const nodes = options.map(([text, value, title]) => {
      const input = el("input", { type: "radio", name, value: String(value), title: title ?? null, onchange: () => onchange(value) });
      input.checked = value === chosen;
      return el("label", {}, input, el("span", {}, text));
    });
    byId(id).replaceChildren(legend, ...nodes);
  }
  // The finest timeframe that the page has of all of the range, in as many candles as can be told apart.
  function automatic(symbol, all) {
    const from = symbol.ends - state.range * 1000;
    const inside = (one) => unpack(one).filter((row) => row.at + one.seconds * 1000 > from).length;
    const whole = all.filter((one) => isWhole(symbol, one) || one.start * 1000 <= from);
    const reach = whole.length ? whole : [all.reduce((a, b) => (b.start < a.start ? b : a))];
    return reach.find((one) => inside(one) <= AT_ONCE) ?? reach[reach.length - 1];
  }
  let drawing = 0;
  async function draw() {
    const turn = ++drawing;
    const symbol = symbols[state.index];
    const [Plotly, all] = await Promise.all([plotly(), seriesOf(state.index)]);
    if (turn !== drawing) return;
    const chosen = all.find((one) => label(one) === state.timeframe) ?? automatic(symbol, all);
    const seconds = chosen.seconds;
    radios("ranges", "range", RANGES.map(([text, value]) => [text, value]), state.range, (value) => { state.range = value; draw(); });
    radios("timeframes", "timeframe", [["Auto", "", "The finest that shows all of the range"], ...all.map((one) => [label(one), label(one)])], state.timeframe, (value) => { state.timeframe = value; draw(); });
    const last = chosen.merged > 1 ? Infinity : symbol.ends;
    const from = state.range === Infinity ? -Infinity : symbol.ends - state.range * 1000;
    const rows = unpack(chosen).filter((row) => row.at + seconds * 1000 > from);
    Object.assign(state, { rows, shown: chosen, cursor: rows.length - 1, last });
    heading(symbol);
    plotCandles(Plotly, symbol, chosen, rows);
    remarks(symbol, chosen, rows);
    if (byId("chart-table").open) candleTable();
    readout();
    document.documentElement.dataset.drawn = String(turn);
  }
  function heading(symbol) {
    byId("name").textContent = symbol.name;
    part("price", grouped(symbol.last ?? "no price yet"), el("small", { class: "soft" }, quote(symbol.name)), el("small", { class: side(symbol.day?.change) }, symbol.day ? percent(symbol.day.change) : ""), el("small", { class: "soft" }, "24 h"));
    const facts = [];
    const day = symbol.day;
    if (day) {
      facts.push(["24 h high", grouped(day.high ?? "")], ["low", grouped(day.low ?? "")], ["volume", `${grouped(day.volume ?? "")} ${base(symbol.name)}`], ["turnover ≈", `${compact(day.turnover)} ${quote(symbol.name)}`], ["trades", count(day.trades)], ["7 d", change(symbol.week)]);
      facts.push(["taker imbalance", day.taken === null ? "not known" : percent(day.taken, 1)]);
      if (day.proven < 0.9995) facts.push(["proven of 24 h", (day.proven * 100).toFixed(1) + " %"]);
    }
    facts.push(["up to", moment(symbol.ends) + " UTC"]);
    part("figures", ...facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
  }
  // Neighbours of one kind as stretches of time.
  function stretches(rows, kind, size) {
    const found = [];
    for (const row of rows) {
      if (row.kind !== kind) continue;
      const tail = found[found.length - 1];
      if (tail && tail[1] === row.at) tail[1] = row.at + size;
      else found.push([row.at, row.at + size]);
    }
    return found;
  }
  function shade(name, spans, fill, pattern) {
    return {
      type: "bar", name, x: spans.map(([a, b]) => (a + b) / 2), width: spans.map(([a, b]) => b - a), y: spans.map(() => 1), yaxis: "y", hoverinfo: "skip",
      marker: { color: fill, line: { width: 0 }, ...(pattern ? { pattern: { shape: "/", fgcolor: colour("down"), fgopacity: 0.35, size: 6, solidity: 0.12 } } : {}) },
    };
  }
  const lines = () => ({ gridcolor: colour("faint"), zeroline: false, linecolor: colour("line"), tickfont: { color: colour("soft"), size: 11 } });
  const layout = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, bargap: 0.25, dragmode: "zoom",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("ink"), size: 12 }, ...more,
  });
  const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset" };
  function plotCandles(Plotly, symbol, one, rows) {
    const size = one.seconds * 1000;
    const price = (value) => (value === null ? null : Number(value) / 10 ** one.decimals);
    const middle = (row) => row.at + size / 2;
    const start = rows.length ? rows[0].at : symbol.ends - size;
    const end = rows.length ? rows[rows.length - 1].at + size : symbol.ends;
    const gaps = (symbol.gaps ?? []).filter(([a, b]) => b > start && a < end).map(([a, b, ...rest]) => [Math.max(a, start), Math.min(b, end), ...rest]);
    const sticks = (own, name, up, down) => {
      const wanted = rows.filter((row) => row.close !== null && (row.kind === "r" || row.kind === "a") !== own);
      return {
        type: "candlestick", name, x: wanted.map(middle), open: wanted.map((r) => price(r.open)), high: wanted.map((r) => price(r.high)), low: wanted.map((r) => price(r.low)), close: wanted.map((r) => price(r.close)),
        yaxis: "y2", hoverinfo: "none", whiskerwidth: 0, increasing: { line: { color: up, width: 1 }, fillcolor: up }, decreasing: { line: { color: down, width: 1 }, fillcolor: down },
      };
    };
    const rising = (row) => row.close !== null && row.close >= row.open;
    const volume = (row) => (row.volume === null ? null : Number(row.volume) / 10 ** one.volumeDecimals);
    const differs = new Set((health.compared.rest?.differences ?? []).filter((d) => d[0] === symbol.name && d[1] === one.timeframe && one.merged === 1).map((d) => d[2]));
    const marked = rows.filter((row) => differs.has(row.at) && row.close !== null);
    const traces = [
      shade("empty", stretches(rows, "e", size), colour("empty")),
      shade("market closed", stretches(rows, "c", size), colour("closed")),
      shade("gap", gaps, colour("gap"), true),
      sticks(true, "from trades", colour("up"), colour("down")),
      sticks(false, "Kraken's own", colour("other"), colour("other")),
      { type: "scatter", mode: "markers", name: "differs from Kraken's", x: marked.map(middle), y: marked.map((row) => price(row.high)), yaxis: "y2", hoverinfo: "skip", marker: { symbol: "triangle-down", size: 9, color: colour("amber"), line: { width: 1, color: colour("paper") } } },
      { type: "bar", name: "volume", x: rows.map(middle), y: rows.map(volume), width: size * 0.72, yaxis: "y3", hoverinfo: "none", marker: { color: rows.map((row) => (rising(row) ? colour("up") : colour("down"))), opacity: 0.6, line: { width: 0 } } },
      { type: "bar", name: "taker imbalance", x: rows.map(middle), y: rows.map((row) => row.taken), width: size * 0.72, yaxis: "y4", hoverinfo: "none", marker: { color: rows.map((row) => (row.taken >= 0 ? colour("up") : colour("down"))), opacity: 0.75, line: { width: 0 } } },
    ];
    const named = gaps.filter(([a, b]) => b - a > (end - start) * 0.06).slice(-6);
    const title = (text, y) => ({ text, x: 0, xref: "paper", xanchor: "left", y, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 11, color: colour("soft") } });
    const axis = { ...lines(), side: "right", fixedrange: true, nticks: 7, automargin: true };
    const narrow = byId("chart").clientWidth < 520;
    Plotly.react(byId("chart"), traces, layout({
      margin: { l: 0, r: narrow ? 8 : 64, t: 18, b: 34 }, hovermode: "x", barmode: "overlay",
      xaxis: { ...lines(), type: "date", range: [start, end], showgrid: true, rangeslider: { visible: false }, showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("soft"), nticks: narrow ? 4 : 9, anchor: "y4" },
      yaxis: { domain: [0.36, 1], range: [0, 1], visible: false, fixedrange: true },
      yaxis2: { ...axis, domain: [0.36, 1], overlaying: "y", tickmode: "auto", tickformat: ",", ...(narrow ? { ticklabelposition: "inside" } : {}) },
      yaxis3: { ...axis, domain: [0.15, 0.31], nticks: 3, tickformat: "~s", rangemode: "tozero", ...(narrow ? { ticklabelposition: "inside" } : {}) },
      yaxis4: { ...axis, domain: [0, 0.1], range: [-1, 1], tickvals: [-1, 0, 1], ticktext: ["sold", "0", "bought"], ...(narrow ? { ticklabelposition: "inside" } : {}) },
      annotations: [
        title(plain(`Price, ${quote(symbol.name) || "quote currency"}`), 1.005), title(plain(`Volume, ${base(symbol.name) || "base currency"}`), 0.312), title("Taker imbalance", 0.102),
        { text: "UTC", x: 1, xref: "paper", xanchor: "right", y: 0, yref: "paper", yanchor: "top", yshift: -20, showarrow: false, font: { size: 11, color: colour("soft") } },
        ...named.map(([a, b, reason]) => ({ x: (a + b) / 2, y: 0.97, yref: "y", text: plain(`gap: ${reason}`), showarrow: false, yanchor: "top", font: { size: 11, color: colour("down") } })),
      ],
    }), CONFIG);
    const box = byId("chart");
    box.setAttribute("aria-label", `Candlestick chart of ${symbol.name}, ${count(rows.length)} candles of ${label(one)} from ${moment(start)} to ${moment(end)} UTC, with volume and taker imbalance. Left and right arrow keys go from candle to candle; the table below has all of them.`);
    box.removeAllListeners?.("plotly_hover");
    box.on("plotly_hover", (event) => {
      const at = event.points[0].x;
      const x = typeof at === "number" ? at : Date.parse(String(at).replace(" ", "T") + "Z");
      state.cursor = rows.reduce((best, row, i) => (Math.abs(middle(row) - x) < Math.abs(middle(rows[best]) - x) ? i : best), 0);
      readout();
    });
    const keys = [["up", "rising"], ["down", "falling"]];
    if (rows.some((row) => row.kind === "r" || row.kind === "a")) keys.push(["other", "Kraken's own, not proven by trades"]);
    if (rows.some((row) => row.kind === "e")) keys.push(["empty", "empty: proven, and nobody traded"]);
    if (rows.some((row) => row.kind === "c")) keys.push(["closed", "market closed"]);
    if (gaps.length) keys.push(["gap", "gap: not proven loaded"]);
    if (marked.length) keys.push(["amber", "differs from Kraken's own"]);
    part("chart-legend", ...keys.map(([name, text]) => el("span", { style: `--c:var(--${name})` }, text)));
    part("chart-gaps", gaps.length ? note(`Gaps here: ${gaps.slice(-8).reverse().map(([a, b, reason, accepted]) => `${moment(a)} to ${moment(b)} UTC, ${reason}${accepted ? ", accepted" : ""}`).join("; ")}${gaps.length > 8 ? `; and ${count(gaps.length - 8)} more` : ""}.`) : null);
  }
  function remarks(symbol, one, rows) {
    const [, , total, first] = held(symbol, one);
    const has = one.kinds.length;
    const from = symbol.ends - state.range * 1000;
    let text = `${count(rows.length)} candles of ${label(one)}.`;
    if (one.merged > 1) text += ` Thinned for the eye: each candle drawn is ${one.merged} of ${one.timeframe}, of which the warehouse has ${count(total)}.`;
    else if (has < total) text += ` Thinned for the eye: this page has the newest ${count(has)} of the ${count(total)} candles of ${one.timeframe} in the warehouse, which begin ${moment(first, one.seconds)} UTC; a coarser timeframe reaches further back.`;
    else text += ` This page has all ${count(total)} candles of ${one.timeframe} that the warehouse has.`;
    if (!isWhole(symbol, one) && state.range !== Infinity && one.start * 1000 > from) text += ` They do not reach over the whole range.`;
    byId("drawn").textContent = text;
  }
  function readout() {
    const row = state.rows[state.cursor];
    if (!row) return part("readout");
    const one = state.shown;
    const value = (name, shown) => [el("span", {}, name + " "), el("b", { class: name === "C" ? side(Number(row.close - row.open)) : "" }, shown)];
    const prices = row.close === null ? [] : [["O", row.open], ["H", row.high], ["L", row.low], ["C", row.close]].flatMap(([name, each]) => value(name, grouped(exact(each, one.decimals))));
    part("readout", el("b", {}, `${moment(row.at, one.seconds)} UTC`), ...prices, ...value("Vol", row.volume === null ? "" : grouped(exact(row.volume, one.volumeDecimals))), ...value("Trades", count(row.trades)), ...(row.taken === null ? [] : value("Imbalance", percent(row.taken, 1))), el("span", {}, KINDS[row.kind]));
  }
  byId("chart").addEventListener("keydown", (event) => {
    const to = { ArrowLeft: state.cursor - 1, ArrowRight: state.cursor + 1, Home: 0, End: state.rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    state.cursor = Math.max(0, Math.min(state.rows.length - 1, to));
    readout();
    const x = state.rows[state.cursor].at + state.shown.seconds * 500;
    window.Plotly.relayout(byId("chart"), { shapes: [{ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { width: 1, color: colour("soft") } }] });
  });
  function candleTable() {
    const one = state.shown;
    const price = (name) => (row) => exact(row[name], one.decimals);
    const made = table([
      ["Start (UTC)", (row) => moment(row.at, one.seconds)], ["Open", price("open"), true], ["High", price("high"), true], ["Low", price("low"), true], ["Close", price("close"), true],
      ["Volume, base", (row) => exact(row.volume, one.volumeDecimals), true], ["Trades", (row) => count(row.trades), true], ["Taker imbalance", (row) => (row.taken === null ? "" : percent(row.taken, 1)), true], ["", (row) => KINDS[row.kind]],
    ], [...state.rows].reverse(), `Candles of ${symbols[state.index].name}, newest first`);
    byId("chart-table").querySelector(".scroll").replaceChildren(made);
  }
  byId("chart-table").addEventListener("toggle", () => byId("chart-table").open && candleTable());

  // ---- second screen

  const level = (name) => el("span", { class: "level " + name }, { red: "● red", amber: "▲ amber", green: "✓ green" }[name]);
  function verdict() {
    const found = { red: 0, amber: 0, green: 0 };
    health.checks.forEach((check) => found[check.level]++);
    const told = ["red", "amber", "green"].filter((each) => found[each]).map((each) => el("span", { class: "level " + each }, `${found[each]} ${each}`));
    part("verdict", ...told.flatMap((each, at) => (at ? [", ", each] : [each])), told.length ? "" : "No check is known");
    const worst = found.red ? "red" : found.amber ? "amber" : "green";
    byId("badge").className = "level " + worst;
    byId("badge").textContent = found.red ? `${found.red} red` : found.amber ? `${found.amber} amber` : "✓";
    part("checks", table([
      ["", (row) => level(row.level)], ["Check", (row) => row.name], ["What it found", (row) => row.says, "wide"], ["Found", (row) => (row.found ? count(row.found) : ""), true],
      ["Accepted", (row) => (row.accepted ? count(row.accepted) : ""), true], ["Shows the rows", (row) => el("code", {}, row.query)],
    ], health.checks, "Checks, worst first"));
  }
  const absent = (what) => note(`${what} not known here: they stand in the warehouse, and this page was made of what is published while another process had it.`);

  // Each symbol's states, one a column; several days are one column where there are more than the eye can tell apart.
  function grid() {
    const known = health.days;
    const most = Math.max(120, Math.floor(byId("days").clientWidth / 2) || 500);
    const merged = Math.ceil(known.count / most);
    const columns = Math.ceil(known.count / merged);
    const z = known.rows.map(([, runs]) => {
      const line = new Array(columns).fill(0);
      let day = 0;
      for (let i = 0; i < runs.length; i += 2) {
        for (let n = 0; n < runs[i + 1]; n++, day++) {
          const at = Math.floor(day / merged);
          if (day % merged === 0 || WORST.indexOf(runs[i]) < WORST.indexOf(line[at])) line[at] = runs[i];
        }
      }
      return line;
    });
    return { z, merged, columns };
  }
  const dayAt = (days) => Date.parse(health.days.first + "T00:00Z") + days * DAY * 1000;
  function plotDays(Plotly) {
    if (!health.days) {
      part("days-note", "No day of any symbol is known yet.");
      byId("days").hidden = byId("days-table").hidden = true;
      return;
    }
    const { z, merged, columns } = grid();
    const names = health.days.rows.map(([name]) => name);
    const box = byId("days");
    const each = Math.max(3, Math.min(22, 900 / names.length));
    box.style.height = Math.max(90, names.length * each + 44) + "px";
    const shades = [0, 1, 2, 3, 4, 5, 6].flatMap((s) => [[s / 7, s ? colour("s" + s) : colour("faint")], [(s + 1) / 7, s ? colour("s" + s) : colour("faint")]]);
    const skip = Math.ceil(names.length / 60);
    const short = (name) => (name.length > 14 ? name.slice(0, 13) + "…" : name);
    Plotly.react(box, [{
      type: "heatmap", z, x: Array.from({ length: columns }, (_, i) => dayAt((i + 0.5) * merged)), y: names.map((_, i) => i), zmin: -0.5, zmax: 6.5, colorscale: shades, showscale: false, hoverinfo: "none",
      xgap: columns < 300 ? 1 : 0, ygap: names.length < 80 ? 1 : 0,
    }], layout({
      margin: { l: 8, r: 8, t: 4, b: 40 }, hovermode: "closest",
      xaxis: { ...lines(), type: "date", showgrid: false, nticks: byId("days").clientWidth < 520 ? 4 : 10 },
      yaxis: { ...lines(), showgrid: false, autorange: "reversed", fixedrange: true, automargin: true, tickvals: names.map((_, i) => i).filter((i) => i % skip === 0), ticktext: names.filter((_, i) => i % skip === 0).map((name) => plain(short(name))) },
    }), CONFIG);
    const told = (row, column) => {
      const until = merged > 1 ? ` to ${moment(dayAt(Math.min((column + 1) * merged, health.days.count) - 1), DAY)}, worst of ${merged} days` : "";
      part("day-readout", el("b", {}, names[row]), el("span", {}, moment(dayAt(column * merged), DAY) + until + " (UTC)"), el("span", {}, STATES[z[row][column]]));
    };
    const cursor = { row: 0, column: columns - 1 };
    told(cursor.row, cursor.column);
    box.removeAllListeners?.("plotly_hover");
    box.on("plotly_hover", (event) => {
      const [row, column] = event.points[0].pointIndex ?? event.points[0].pointNumber;
      Object.assign(cursor, { row, column });
      told(row, column);
    });
    box.onkeydown = (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!move) return;
      event.preventDefault();
      cursor.row = Math.max(0, Math.min(names.length - 1, cursor.row + move[0]));
      cursor.column = Math.max(0, Math.min(columns - 1, cursor.column + move[1]));
      told(cursor.row, cursor.column);
    };
    box.setAttribute("aria-label", `Heat map of ${count(names.length)} symbols by ${count(health.days.count)} days from ${health.days.first}. Arrow keys go from cell to cell; the table below counts days by state.`);
    const used = new Set(z.flat());
    part("days-legend", ...WORST.slice().reverse().filter((s) => s && used.has(s)).map((s) => el("span", { style: `--c:var(--s${s})` }, STATES[s])));
    byId("days-note").textContent = merged > 1 ? `Thinned for the eye: a column is ${merged} days and shows the worst of them. Days are UTC.` : "A column is a UTC day.";
  }
  byId("days-table").addEventListener("toggle", () => {
    const used = [1, 2, 3, 4, 5, 6];
    const counts = health.days.rows.map(([name, runs]) => {
      const row = { name, states: [0, 0, 0, 0, 0, 0, 0] };
      for (let i = 0; i < runs.length; i += 2) row.states[runs[i]] += runs[i + 1];
      return row;
    });
    const made = table([["Symbol", (row) => row.name], ...used.map((s) => [STATES[s], (row) => count(row.states[s]), true])], counts, "Days by state");
    byId("days-table").querySelector(".scroll").replaceChildren(made);
  });

  function bars(Plotly, box, traces, more) {
    return Plotly.react(box, traces, layout({ margin: { l: 8, r: 8, t: 10, b: 34 }, height: 190, barmode: "stack", hovermode: "x unified", hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } }, xaxis: { ...lines(), type: "date", showgrid: false }, yaxis: { ...lines(), automargin: true, nticks: 4, rangemode: "tozero", tickformat: "~s" }, ...more }), CONFIG);
  }
  const STATUS_COLOURS = { differs: "s5", missing_here: "down", contradicted: "s3", revised: "s4", missing_there: "s2", unknown_here: "s6", unknown_there: "other" };
  function compared(Plotly) {
    const nodes = [];
    const plots = [];
    for (const [referee, title] of [["rest", "Kraken's OHLC endpoint"], ["archive", "Kraken's OHLCVT downloads"]]) {
      const found = health.compared[referee];
      if (!found || !found.rows.length) continue;
      const at = (status) => 3 + found.statuses.indexOf(status);
      const others = found.statuses.slice(1);
      const total = found.rows.reduce((sum, row) => sum + row[2], 0);
      const same = found.rows.reduce((sum, row) => sum + row[3], 0);
      nodes.push(el("h3", {}, title), el("p", {}, `${count(same)} of ${count(total)} compared candles are identical in every field` + (same === total ? "." : `; ${count(total - same)} are not.`)));
      const unequal = found.rows.filter((row) => row[2] !== row[3]).sort((a, b) => b[at("differs")] + b[at("missing_here")] - a[at("differs")] - a[at("missing_here")] || b[2] - b[3] - (a[2] - a[3]));
      if (unequal.length) {
        const used = others.filter((status) => found.days.some((row) => row[at(status) - 1]));
        const box = el("div", { class: "chart", role: "img", "aria-label": "Candles that are not identical, by UTC day; the tables below have them by symbol and one by one" });
        nodes.push(box, el("div", { class: "legend" }, ...used.map((status) => el("span", { style: `--c:var(--${STATUS_COLOURS[status]})` }, status))), note("Candles that are not identical, by UTC day of their start."));
        plots.push(() => bars(Plotly, box, used.map((status) => ({ type: "bar", name: status, x: found.days.map((row) => row[0]), y: found.days.map((row) => row[at(status) - 1]), marker: { color: colour(STATUS_COLOURS[status]), line: { width: 0 } } })), {}));
        nodes.push(el("div", { class: "" }, scroll(`${title}, by symbol and timeframe`, table([
          ["Symbol", (row) => row[0]], ["Timeframe", (row) => row[1]], ["Compared", (row) => count(row[2]), true], ["Identical", (row) => ((row[3] / row[2]) * 100).toFixed(2) + " %", true],
          ...used.map((status) => [status, (row) => count(row[at(status)] || ""), true]), ["Accepted", (row) => count(row[row.length - 1] || ""), true],
        ], unequal.slice(0, 200), `${title}, worst first`))), some(unequal, 200));
      }
      if (found.differences.length) {
        nodes.push(el("h3", {}, "Fields that differ, worst first"), scroll("Fields that differ", table([
          ["Symbol", (row) => row[0]], ["Timeframe", (row) => row[1]], ["Start (UTC)", (row) => moment(row[2])], ["Field", (row) => row[3]], ["Status", (row) => row[4]],
          ["Ours", (row) => row[5] ?? "", true], ["Kraken's", (row) => row[6] ?? "", true], ["Ours − Kraken's", (row) => (row[7] ?? "").replace("-", "−"), true], ["Accepted", (row) => (row[8] ? row[9] || "yes" : ""), "wide"],
        ], found.differences, "Fields that differ")), note(`${count(found.differences.length)} fields at most 200, in exact decimals; kraken.check_${referee}_candles has all.`));
      }
    }
    if (!nodes.length) nodes.push(health.compared.rest === null ? absent("Comparisons are") : note("No candle of ours stands beside one of Kraken's yet."));
    part("compared", ...nodes);
    plots.forEach((each) => each());
    const said = health.contradictions;
    part("contradictions", said === null ? absent("Contradictions are") : said.length ? scroll("Contradictions", table([
      ["Symbol", (row) => row[0]], ["Timeframe", (row) => row[1]], ["Year", (row) => row[2]], ["REST candles", (row) => count(row[3]), true], ["Contradicted", (row) => count(row[9]), true],
      ["by finer candles", (row) => `${count(row[5])} of ${count(row[4])}`, true], ["by downloads", (row) => `${count(row[7])} of ${count(row[6])}`, true], ["downloads fuller", (row) => count(row[8]), true],
    ], said, "Contradictions")) : note("Nowhere: its candles of one timeframe add up to those of the next, and its downloads say the same."));
  }
  function age() {
    const rows = health.proven ?? [];
    if (!rows.length) return part("age", note("No time of any symbol is proven by trades yet."));
    const oldest = Math.max(...rows.map((row) => data.madeAt - row[2]), 1);
    const gaps = Object.fromEntries(symbols.map((row) => [row.name, row.gaps ?? []]));
    part("age", scroll("Age of the data", table([
      ["Symbol", (row) => row[0]], ["Proven from (UTC)", (row) => moment(row[1])], ["Proven up to (UTC)", (row) => moment(row[2])],
      ["Age", (row) => el("span", {}, duration(Math.max(0, data.madeAt - row[2]) / 1000), el("i", { class: "share", "aria-hidden": "true", style: `width:${(Math.max(0, data.madeAt - row[2]) / oldest) * 70}px` })), "wide"],
      ["Trades", (row) => count(row[3]), true], ["Parts", (row) => count(row[4]), true], ["Gaps", (row) => count((gaps[row[0]] ?? []).length || ""), true], ["Proven by", (row) => row[6] + (row[5] ? "" : " (ids are missing)")],
    ], rows, "Age of the data")), note(`Ages are as of ${moment(data.madeAt)} UTC, when this page was made.`));
  }
  function work(Plotly) {
    const loads = health.loads;
    if (loads?.length) {
      const box = el("div", { class: "chart", role: "img", "aria-label": `Trades and calls of loads by ${loads[0][0]}` });
      const trades = loads.reduce((sum, row) => sum + (row[3] ?? 0), 0);
      const calls = loads.reduce((sum, row) => sum + row[2], 0);
      part("loads", el("p", {}, `${count(trades)} trades by ${count(calls)} calls, by ${loads[0][0]} in which Kraken answered (UTC).`), box, el("details", {}, el("summary", {}, "Table of loads"), scroll("Loads", table([
        ["Answered (UTC)", (row) => moment(row[1])], ["Calls", (row) => count(row[2]), true], ["New trades", (row) => count(row[3]), true], ["Loads", (row) => count(row[4]), true]], [...loads].reverse(), "Loads"))));
      const width = { minute: 60, hour: 3600, day: DAY, month: 28 * DAY }[loads[0][0]] * 800;
      const from = loads[0][1] - width * 2;
      const to = loads[loads.length - 1][1] + width * 2;
      bars(Plotly, box, [{ type: "bar", name: "new trades", x: loads.map((row) => row[1]), y: loads.map((row) => row[3]), width, marker: { color: colour("accent"), opacity: 0.8, line: { width: 0 } } }], { xaxis: { ...lines(), type: "date", showgrid: false, range: [from, to], nticks: 8 } });
    } else part("loads", loads === null ? absent("Loads are") : note("No answer of Kraken's is loaded."));
    const jobs = health.jobs;
    if (!jobs?.length) return part("jobs", jobs === null ? absent("Jobs are") : note("No job was queued yet: `kraken-candles rebuild` and `jobs add` queue them."));
    const priced = jobs.filter((row) => row[6] !== null && row[13] !== null);
    const box = el("div", { class: "chart", role: "img", "aria-label": "Seconds of each job, estimated and actual; the table below has them" });
    const beside = (estimated, actual, show) => (estimated === null || estimated === undefined ? show(actual) : `${show(estimated)} → ${show(actual)}`);
    part("jobs", el("h3", {}, "Jobs: estimate → actual"), priced.length ? box : null, priced.length ? el("div", { class: "legend" }, el("span", { style: "--c:var(--other)" }, "estimated seconds"), el("span", { style: "--c:var(--accent)" }, "actual seconds")) : null, scroll("Jobs", table([
      ["Job", (row) => row[0], true], ["Type", (row) => row[1]], ["Symbol", (row) => row[2]], ["Status", (row) => el("span", { class: row[3] === "failed" ? "level red" : "" }, row[3] === "running" ? `running, ${row[4]}` : row[3])],
      ["Begun (UTC)", (row) => moment(row[6])], ["Trades", (row) => beside(row[8], row[9], count), true], ["Calls", (row) => beside(row[10], row[11], count), true], ["Time", (row) => beside(row[12], row[13], duration), true],
      ["Disk", (row) => beside(row[14], row[15], (each) => (each === null ? "" : bytes(each))), true], ["What came of it", (row) => row[16], "wide"],
    ], jobs, "Jobs, newest first")), jobs.length >= 200 ? note("The newest 200 jobs; kraken.data_jobs has all.") : null);
    if (priced.length) bars(Plotly, box, [
      { type: "scatter", mode: "lines", x: priced.flatMap((row) => [row[6], row[6], null]), y: priced.flatMap((row) => [row[12], row[13], null]), line: { color: colour("line"), width: 2 }, hoverinfo: "skip" },
      { type: "scatter", mode: "markers", name: "estimated s", x: priced.map((row) => row[6]), y: priced.map((row) => row[12]), marker: { color: colour("other"), size: 8, symbol: "circle-open", line: { width: 2 } } },
      { type: "scatter", mode: "markers", name: "actual s", x: priced.map((row) => row[6]), y: priced.map((row) => row[13]), marker: { color: colour("accent"), size: 8 } },
    ], {});
  }
  function storage() {
    const found = health.storage;
    const parquet = found.parquet.reduce((sum, row) => sum + row[1], 0);
    const most = Math.max(found.warehouse, parquet, 1);
    const trades = (health.proven ?? []).reduce((sum, row) => sum + row[3], 0);
    const bar = (value, top) => el("span", {}, bytes(value), el("i", { class: "share", "aria-hidden": "true", style: `width:${(value / top) * 120}px` }));
    const whole = [["Warehouse (DuckDB)", found.warehouse, trades ? `${grouped((found.warehouse / trades).toFixed(0))} bytes for each proven trade, all tables and candles included` : ""], ["Parquet, published", parquet, `${count(found.parquet.reduce((sum, row) => sum + row[2], 0))} files`]];
    if (found.published !== null) whole.push(["published.duckdb (views)", found.published, ""]);
    part("storage", scroll("Storage", table([["What", (row) => row[0]], ["Bytes", (row) => bar(row[1], most)], ["", (row) => row[2], "wide"]], whole, "Storage")), el("div", { class: "columns" },
      found.parquet.length ? el("div", {}, el("h3", {}, "Parquet by source and timeframe"), scroll("Parquet", table([["Source and timeframe", (row) => row[0]], ["Bytes", (row) => bar(row[1], found.parquet[0][1])], ["Files", (row) => count(row[2]), true]], found.parquet, "Parquet"))) : note("Nothing is published yet."),
      found.tables ? el("div", {}, el("h3", {}, "Largest tables of the warehouse"), scroll("Tables", table([["Table", (row) => row[0]], ["Rows ≈", (row) => count(row[1]), true]], found.tables, "Tables"))) : ""));
  }
  let isDataDrawn = false;
  function drawData() {
    isDataDrawn = true;
    return plotly().then((Plotly) => {
      plotDays(Plotly);
      compared(Plotly);
      work(Plotly);
    });
  }

  // ---- screens, themes, paper

  const tabs = [byId("tab-market"), byId("tab-data")];
  function screen(at, focus = false) {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === at));
      tab.tabIndex = i === at ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = i !== at;
    });
    if (focus) tabs[at].focus();
    const shown = at ? "#data" : "#market";
    if (location.hash !== shown && (at || location.hash)) history.replaceState(null, "", shown);
    if (at) return drawData();
    return byId("chart").data ? draw() : null;
  }
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => screen(at));
    tab.addEventListener("keydown", (event) => {
      if (["ArrowLeft", "ArrowRight"].includes(event.key)) screen(1 - at, true);
    });
  });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  function recolour() {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
    if (byId("chart").data && !byId("market").hidden) draw();
    if (isDataDrawn && !byId("data-screen").hidden) drawData();
  }
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("kraken-candles-theme", document.documentElement.dataset.theme); } catch { /* a page from a file may have no storage */ }
    recolour();
  });
  dark.addEventListener("change", recolour);
  try {
    const kept = localStorage.getItem("kraken-candles-theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch { /* as above */ }
  window.addEventListener("beforeprint", () => {
    const before = [document.documentElement.dataset.theme, byId("market").hidden];
    document.documentElement.dataset.theme = "light";
    byId("market").hidden = byId("data-screen").hidden = false;
    document.body.style.width = "1040px";
    if (window.Plotly && state.shown) {
      plotCandles(window.Plotly, symbols[state.index], state.shown, state.rows);
      plotDays(window.Plotly);
      compared(window.Plotly);
      work(window.Plotly);
    }
    window.addEventListener("afterprint", () => {
      if (before[0]) document.documentElement.dataset.theme = before[0];
      else delete document.documentElement.dataset.theme;
      document.body.style.width = "";
      screen(before[1] ? 1 : 0);
    }, { once: true });
  });

  // ---- begin

  const newest = Math.max(...symbols.map((row) => row.ends ?? 0));
  byId("about").textContent = `${count(symbols.length)} ${symbols.length === 1 ? "symbol" : "symbols"} · candles up to ${moment(newest)} UTC · made ${moment(data.madeAt)} UTC from ${data.isPublished ? "what is published" : "the warehouse"}`;
  byId("footer").textContent = `${data.program}. Read from ${data.place}. Times are UTC; prices are in the quote currency and volumes in the base currency, exact decimals in every table. Drawn by plotly.js; this file needs no network.`;
  byId("symbol").append(...symbols.map((row, index) => el("option", { value: index }, row.name)));
  byId("symbol").addEventListener("change", (event) => choose(Number(event.target.value)));
  byId("find").addEventListener("input", watchlist);
  byId("theme").textContent = isDark() ? "Light" : "Dark";
  state.index = symbols.reduce((best, row, i) => ((row.day?.turnover ?? 0) > (symbols[best].day?.turnover ?? 0) ? i : best), 0);
  byId("symbol").value = String(state.index);
  watchlist();
  heading(symbols[state.index]);
  verdict();
  age();
  storage();
  if (typeof DecompressionStream === "undefined") {
    byId("drawn").textContent = "This browser is too old to unpack the charts (it has no DecompressionStream); the tables are whole.";
    return;
  }
  // The tables are painted before the library, which takes longer than all else, is unpacked.
  requestAnimationFrame(() => setTimeout(() => {
    draw();
    if (location.hash === "#data") screen(1);
  }));
})();
