// One chart of curves as SVG, drawn with d3: mean as a line, range as a band, a cross-hair that the pointer or the
// arrow keys move. Themes and print need no redraw, as colours are CSS variables.
function logTicks([low, high]) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power)
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(+tick.toPrecision(3));
    }
  return ticks.length > 7 ? ticks.filter((t) => String(t / 10 ** Math.floor(Math.log10(t) + 1e-9)).startsWith('1')) :
                            ticks;
}

// Domain of the values that are drawn. Losses and distances over more than a factor of 20 get a logarithmic scale.
function valueScale(spec, points) {
  const low = d3.min(points, (p) => p.low), high = d3.max(points, (p) => p.high);
  if (spec.log && low > 0 && high / low > 20) return d3.scale.log().domain([low * 0.94, high * 1.06]);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  const bottom = spec.zero ? 0 : low - room;
  return d3.scale.linear().domain(
      [low >= 0 ? Math.max(0, bottom) : bottom, Math.min(high + room, spec.most || Infinity)]);
}

// Names at the ends of curves, moved apart where they would overlap.
function endLabels(series, y, height) {
  const labels = series.map((s) => ({series: s, y: y(s.points.at(-1).y)})).sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; ++i) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 14);
  for (let i = labels.length - 1, limit = height; i >= 0; --i, limit -= 14) labels[i].y = Math.min(labels[i].y, limit);
  return labels;
}

function lineChart(spec) {
  const plot = el('div', {class: 'plot', tabindex: 0, role: 'img'});
  const figure =
      el('figure', {class: `chart${spec.large ? ' large' : ''}`, id: `chart-${spec.id}`}, el('h3', {}, spec.title),
         el('p', {class: 'sub'}, spec.sub || '\u00a0'), plot);
  figure.draw = () => drawChart(plot, spec);
  return figure;
}

function drawChart(plot, spec) {
  const series = spec.series.filter((s) => s.points.length > 0);
  const points = [].concat(...series.map((s) => s.points));
  const width = plot.clientWidth || 600, narrow = width < 520;
  const named = !narrow && spec.large && series.length > 1 && series.length <= 8;
  const room = {left: 46, right: named ? 150 : 10, top: 8, bottom: 36}, full = spec.large ? (narrow ? 250 : 340) : 220;
  const axis = kAxes[spec.axis] || spec.axis;
  const x =
      d3.scale.linear()
          .domain([axis.signed || spec.from > 0 ? d3.min(points, (p) => p.x) : 0, d3.max(points, (p) => p.x) || 1])
          .range([room.left, width - room.right]);
  const y = valueScale(spec, points).range([full - room.bottom, room.top]);

  plot.replaceChildren();
  plot.setAttribute(
      'aria-label',
      `${spec.title} by ${axis.unit}. ` +
          series.map((s) => `${s.label}: ${spec.format(s.points.at(-1).y)} at the end`).join('. '));
  const svg = d3.select(plot)
                  .append('svg')
                  .attr('viewBox', `0 0 ${width} ${full}`)
                  .attr('height', full)
                  .attr('aria-hidden', 'true')
                  .attr('data-x-domain', x.domain().join(' '))
                  .attr('data-y-domain', y.domain().join(' '))
                  .attr('data-x-range', x.range().join(' '))
                  .attr('data-y-range', y.range().join(' '))
                  .attr('data-log', spec.log && y.base ? 1 : 0);
  const yTicks = y.base ? logTicks(y.domain()) : y.ticks(spec.large ? 6 : 4);
  const tick = spec.tick || short;
  const grid = svg.append('g').attr('class', 'grid');
  for (const t of yTicks) {
    grid.append('line').attr({x1: room.left, x2: width - room.right, y1: Math.round(y(t)), y2: Math.round(y(t))});
    grid.append('text').attr({x: room.left - 8, y: y(t) + 4, 'text-anchor': 'end'}).text(tick(t));
  }
  const bottom = full - room.bottom, floor = svg.append('g').attr('class', 'axis');
  floor.append('line').attr({x1: room.left, x2: width - room.right, y1: bottom, y2: bottom});
  const count = narrow ? 4 : spec.large ? 9 : 5;
  for (const t of axis.ticks ? axis.ticks(x, count) : x.ticks(count)) {
    floor.append('line').attr({x1: x(t), x2: x(t), y1: bottom, y2: bottom + 4});
    floor.append('text').attr({x: x(t), y: bottom + 17, 'text-anchor': 'middle'}).text((axis.tick || short)(t));
  }
  floor.append('text').attr({x: width - room.right, y: bottom + 32, 'text-anchor': 'end'}).text(axis.unit);

  const px = (v) => Math.round(v * 10) / 10;
  const area = d3.svg.area().x((p) => px(x(p.x))).y0((p) => px(y(p.low))).y1((p) => px(y(p.high)));
  const line =
      d3.svg.line().x((p) => px(x(p.x))).y((p) => px(y(p.y))).interpolate(spec.step ? 'step-before' : 'linear');
  for (const s of series) {
    const g = svg.append('g').attr('class', `k${s.colour}`);
    if (s.points.some((p) => p.high > p.low)) g.append('path').attr('class', 'band').attr('d', area(s.points));
    g.append('path')
        .attr('class', 'line')
        .attr('d', line(s.points))
        .attr('stroke-dasharray', s.dash || null)
        .attr('data-series', s.label);
    if (s.points.length === 1)
      g.append('circle').attr({class: 'spot', r: 4, cx: x(s.points[0].x), cy: y(s.points[0].y)});
  }
  if (named)
    for (const {series: s, y: at} of endLabels(series, y, bottom))
      svg.append('text')
          .attr({class: `end k${s.colour}`, x: width - room.right + 8, y: at + 4})
          .text(s.label.length > 22 ? s.label.slice(0, 21) + '…' : s.label);
  followPointer(plot, svg, {spec, series, x, y, room, full, width, axis});
}

// The point of a series that is nearest to a place on the axis.
function nearestPoint(points, at) {
  const i = d3.bisector((p) => p.x).left(points, at);
  return i === 0                                                     ? points[0] :
      i === points.length || at - points[i - 1].x < points[i].x - at ? points[i - 1] :
                                                                       points[i];
}

function followPointer(plot, svg, {spec, series, x, y, room, full, width, axis}) {
  const readout = document.getElementById('readout');
  const marks = svg.append('g').style('display', 'none');
  const cross = marks.append('line').attr({class: 'cross', y1: room.top, y2: full - room.bottom});
  const spots = series.map((s) => marks.append('circle').attr({class: `spot k${s.colour}`, r: 4}));
  let at = null;
  const hide = () => {
    marks.style('display', 'none');
    readout.hidden = true;
    at = null;
  };
  const show = (place) => {
    at = Math.max(x.domain()[0], Math.min(x.domain()[1], place));
    const found = series.map((s) => ({series: s, point: nearestPoint(s.points, at)}));
    marks.style('display', null);
    cross.attr({x1: x(at), x2: x(at)});
    found.forEach(({point}, i) => spots[i].attr({cx: x(point.x), cy: y(point.y)}));
    const rows =
        found.sort((a, b) => b.point.y - a.point.y)
            .slice(0, 12)
            .map(
                ({series: s, point}) =>
                    el('tr', {}, el('td', {}, keyOf(s)), el('td', {}, s.label), el('td', {}, spec.format(point.y))));
    readout.replaceChildren(
        el('p', {}, axis.format(at) + (axis.unit === 'epoch' ? ' epochs' : '')), el('table', {}, ...rows));
    readout.hidden = false;
    const box = plot.getBoundingClientRect(), scale = box.width / width, left = box.left + x(at) * scale + 14;
    const fits = left + readout.offsetWidth < document.documentElement.clientWidth - 8;
    readout.style.left = `${Math.max(4, fits ? left : left - 28 - readout.offsetWidth) + window.scrollX}px`;
    readout.style.top = `${box.top + window.scrollY + 12}px`;
  };
  // All places at which a curve has a point, for the arrow keys.
  const stops = [...new Set([].concat(...series.map((s) => s.points.map((p) => p.x))))].sort((a, b) => a - b);
  plot.onpointermove = (event) =>
      show(x.invert((event.clientX - plot.getBoundingClientRect().left) * width / plot.clientWidth));
  plot.onpointerleave = plot.onblur = hide;
  plot.onkeydown = (event) => {
    const by =
        {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -stops.length, End: stops.length}[event.key];
    if (event.key === 'Escape') return hide();
    if (!by) return;
    event.preventDefault();
    const now = at === null ? (by > 0 ? -1 : stops.length) : d3.bisectLeft(stops, at - 1e-9);
    show(stops[Math.max(0, Math.min(stops.length - 1, now + by))]);
  };
}

// A piece of a curve, as it stands beside a name.
function keyOf(group) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  d3.select(svg)
      .attr({class: `key k${group.colour}`, width: 22, height: 8, 'aria-hidden': 'true'})
      .append('line')
      .attr({x1: 0, x2: 22, y1: 4, y2: 4, 'stroke-dasharray': group.dash || null});
  return svg;
}
