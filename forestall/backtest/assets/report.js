"use strict";
(function () {
  const charts = JSON.parse(document.getElementById("data").textContent);
  if (!charts.length) return;
  const tip = document.getElementById("tip");
  const narrow = () => window.innerWidth < 760;
  const plots = [];
  let busy = false;
  let range = null;

  const first = Math.min(...charts.map((chart) => chart.t[0]));
  const last = Math.max(...charts.map((chart) => chart.t[chart.t.length - 1] + chart.pane));
  const least = 12 * Math.min(...charts.map((chart) => chart.pane));

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const two = (number) => String(number).padStart(2, "0");
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  function stamp(seconds) {
    const at = new Date(seconds * 1000);
    const day = days[at.getUTCDay()] + " " + at.getUTCDate() + " " + months[at.getUTCMonth()] + " " + at.getUTCFullYear();
    return day + " " + two(at.getUTCHours()) + ":" + two(at.getUTCMinutes()) + (at.getUTCSeconds() ? ":" + two(at.getUTCSeconds()) : "");
  }

  function figure(value) {
    if (value === null || value === undefined) return "–";
    return Number(value.toPrecision(4)).toLocaleString("en");
  }

  function clamp(from, to) {
    let width = Math.min(Math.max(to - from, least), last - first);
    const start = Math.min(Math.max(from, first), last - width);
    return [start, start + width];
  }

  function show(from, to) {
    range = clamp(from, to);
    busy = true;
    for (const plot of plots) plot.setScale("x", { min: range[0], max: range[1] });
    busy = false;
  }

  function shade(plot, from, to, style) {
    const left = Math.max(plot.valToPos(from, "x", true), plot.bbox.left);
    const right = Math.min(plot.valToPos(to, "x", true), plot.bbox.left + plot.bbox.width);
    if (right <= left) return;
    plot.ctx.fillStyle = style;
    plot.ctx.fillRect(left, plot.bbox.top, Math.max(right - left, 1), plot.bbox.height);
  }

  function below(chart) {
    return (plot) => {
      plot.ctx.save();
      const learnt = chart.s.search(/[^l]/);
      const until = learnt < 0 ? last : chart.t[learnt];
      if (learnt !== 0) shade(plot, chart.t[0], until, color("learning"));
      for (const each of chart.incidents) shade(plot, each.from, each.to, color("incident"));
      plot.ctx.restore();
    };
  }

  function above(chart) {
    return (plot) => {
      const size = 6 * devicePixelRatio;
      plot.ctx.save();
      plot.ctx.fillStyle = color("signal");
      plot.ctx.strokeStyle = color("signal");
      plot.ctx.lineWidth = devicePixelRatio;
      plot.ctx.globalAlpha = 0.9;
      for (const each of chart.signals) {
        if (each.t < plot.scales.x.min || each.t > plot.scales.x.max) continue;
        const at = plot.valToPos(each.t, "x", true);
        const top = plot.bbox.top;
        plot.ctx.beginPath();
        plot.ctx.moveTo(at - size, top);
        plot.ctx.lineTo(at + size, top);
        plot.ctx.lineTo(at, top + 1.5 * size);
        plot.ctx.fill();
      }
      plot.ctx.restore();
    };
  }

  function line(text, strong) {
    const part = document.createElement(strong === true ? "b" : "div");
    if (strong === "alarm") part.className = "alarm";
    part.textContent = text;
    return part;
  }

  function hover(chart) {
    return (plot) => {
      const place = plot.cursor.idx;
      if (place === null || place === undefined || plot.cursor.left < 0) {
        if (plot === hovered) tip.hidden = true;
        return;
      }
      if (plot !== hovered) return;
      const at = chart.t[place];
      tip.replaceChildren(line(stamp(at), true), line("measured " + figure(chart.v[place])));
      if (chart.e[place] !== null) {
        tip.append(line("expected " + figure(chart.e[place]) + ", band " + figure(chart.lo[place]) + " to " + figure(chart.hi[place])));
      }
      tip.append(line({ l: "still learning", n: "normal", a: "unusual" }[chart.s[place]]));
      for (const each of chart.signals) {
        if (each.t > at && each.t <= at + chart.pane * chart.every) tip.append(line("signal: " + each.text, "alarm"));
      }
      for (const each of chart.incidents) {
        if (at + chart.pane >= each.from && at < each.to) tip.append(line("incident: " + each.text, "alarm"));
      }
      tip.hidden = false;
      const box = plot.over.getBoundingClientRect();
      const x = box.left + plot.cursor.left;
      const wide = tip.offsetWidth;
      tip.style.left = (x + wide + 26 > window.innerWidth ? Math.max(x - wide - 14, 6) : x + 14) + "px";
      tip.style.top = Math.max(Math.min(box.top + plot.cursor.top - 20, window.innerHeight - tip.offsetHeight - 8), 8) + "px";
    };
  }

  let hovered = null;

  const stepped = uPlot.paths.stepped({ align: 1 });
  const linear = uPlot.paths.linear();
  const paths = (plot, series, from, to) => (to - from < 400 ? stepped : linear)(plot, series, from, to);

  function options(chart, width) {
    const axis = { stroke: color("soft"), grid: { stroke: color("grid"), width: 1 }, ticks: { stroke: color("grid"), width: 1 } };
    const hours = "{HH}:{mm}";
    return {
      width: width,
      height: narrow() ? 220 : 260,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      padding: [14, 28, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "time", setSeries: false },
        points: { size: 7 },
        drag: { x: true, y: false, dist: 6 },
        bind: { dblclick: () => () => { show(first, last); return null; } },
      },
      scales: {
        x: { time: true },
        y: {
          range: (plot, low, high) => {
            if (low === null || high === null) return [0, 1];
            const room = (high - low || Math.abs(high) || 1) * 0.08;
            return [chart.floor === null ? low - room : 0, high + room];
          },
        },
      },
      axes: [
        Object.assign({}, axis, {
          space: narrow() ? 70 : 90,
          values: [
            [86400 * 28, "{MMM} {YYYY}", null, null, null, null, null, null, 1],
            [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
            [60, hours, "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
            [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
          ],
        }),
        Object.assign({}, axis, { size: 52, values: (plot, ticks) => ticks.map((tick) => figure(tick)) }),
      ],
      series: [
        {},
        { stroke: "transparent", width: 0, paths: paths, points: { show: false } },
        { stroke: "transparent", width: 0, paths: paths, points: { show: false } },
        { stroke: color("expected"), width: 1.3, dash: [5, 4], paths: paths, points: { show: false } },
        { stroke: color("value"), width: 1.4, paths: paths, fill: chart.floor === null ? undefined : color("fill"), points: { show: false } },
        { stroke: color("odd"), fill: color("odd"), width: 0, paths: () => null, points: { show: true, size: 5, fill: color("odd"), width: 0 } },
      ],
      bands: [{ series: [2, 1], fill: color("band") }],
      hooks: {
        drawClear: [below(chart)],
        draw: [above(chart)],
        setCursor: [hover(chart)],
        setScale: [
          (plot, key) => {
            if (key !== "x" || busy || !plots.includes(plot)) return;
            show(plot.scales.x.min, plot.scales.x.max);
          },
        ],
      },
    };
  }

  function build() {
    for (const plot of plots.splice(0)) plot.destroy();
    for (const chart of charts) {
      const place = document.getElementById(chart.id);
      const odd = chart.v.map((value, at) => (chart.s[at] === "a" ? value : null));
      const data = [chart.t, chart.lo, chart.hi, chart.e, chart.v, odd];
      const plot = new uPlot(options(chart, place.clientWidth), data, place);
      plot.over.addEventListener("pointerenter", () => { hovered = plot; });
      plot.over.addEventListener("pointerleave", () => { tip.hidden = true; hovered = null; });
      plots.push(plot);
    }
    if (range === null) range = [first, last];
    show(range[0], range[1]);
  }

  const moves = {
    all: () => show(first, last),
    in: () => zoom(0.5),
    out: () => zoom(2),
    back: () => pan(-0.5),
    on: () => pan(0.5),
  };

  function zoom(factor) {
    const half = ((range[1] - range[0]) / 2) * factor;
    const middle = (range[0] + range[1]) / 2;
    show(middle - half, middle + half);
  }

  function pan(part) {
    const by = (range[1] - range[0]) * part;
    show(range[0] + by, range[1] + by);
  }

  for (const button of document.querySelectorAll("button[data-view]")) {
    button.addEventListener("click", () => moves[button.dataset.view]());
  }
  for (const button of document.querySelectorAll("button[data-chart]")) {
    button.addEventListener("click", () => {
      const from = Number(button.dataset.from);
      const to = Number(button.dataset.to);
      const around = Math.max(to - from, 43200);
      show(from - around, to + around);
      document.getElementById(button.dataset.chart).scrollIntoView({ block: "center", behavior: "smooth" });
    });
  }

  let waiting = 0;
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(build, 120);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  build();
})();
