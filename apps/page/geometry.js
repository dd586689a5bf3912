// The page of `skein geometry`: a table of checkpoints, curves on the line between two, and a map of each plane.
const kPlace = {
  format: fixed(2),
  unit: 'place: 0 is the first checkpoint, 1 the second',
  signed: true
};

function checkpointsTable(g) {
  const uncertain = (x) => `${short(x.value)} ± ${short(x.residual)}`;
  const columns = [
    ['Checkpoint', (c) => c.checkpoint], ['Epoch', (c) => whole(c.epoch)], ['Loss', (c) => fixed(5)(c.loss)],
    ['Top-1 %', (c) => percent(c.top1)],
    [
      'Eigenvalues',
      (c) => c.hessian?.eigenvalues.map(uncertain).join(', ') + (c.hessian.converged ? '' : ', not converged'),
      'hessian'
    ],
    ['Step error', (c) => short(c.hessian?.step_error), 'hessian'],
    ['Trace', (c) => `${short(c.trace.value)} ± ${short(c.trace.standard_error)}`, 'trace']
  ].filter(([, , of]) => !of || g.checkpoints.every((c) => c[of]));
  return el(
      'table', {class: 'runs'},
      el('thead', {}, el('tr', {}, ...columns.map(([title]) => el('th', {scope: 'col'}, title)))),
      el('tbody', {},
         ...g.checkpoints.map(
             (c) =>
                 el('tr', {},
                    ...columns.map(
                        ([title, text], i) => el('td', {class: i ? null : 'name', 'data-label': title}, text(c)))))));
}

const kSets = [
  {label: 'training images', colour: 0, loss: 'loss', top1: 'top1'},
  {label: 'test images', colour: 1, loss: 'test_loss', top1: 'test_top1'}
];

function lineLegend(g) {
  const shown = kSets.filter((set) => g.line.some((p) => isNumber(p[set.loss])));
  return el('p', {class: 'legend'}, ...shown.map((set) => el('span', {}, keyOf(set), set.label)));
}

function lineCharts(g) {
  const chart = (id, title, sub, format, column, more) => ({
    id,
    title,
    sub,
    format,
    axis: kPlace,
    series: kSets
                .map((set) => ({
                       label: set.label,
                       colour: set.colour,
                       points: g.line.filter((p) => isNumber(p[set[column]]))
                                   .map((p) => [p.place, p[set[column]]])
                                   .map(([x, y]) => ({x, y, low: y, high: y}))
                     }))
                .filter((s) => s.points.length),
    ...more
  });
  return [
    chart('line-loss', 'Loss', 'on the line between the checkpoints', fixed(4), 'loss', {log: true}),
    chart('line-top1', 'Accuracy', 'percent', percent, 'top1', {most: 100})
  ].filter((spec) => spec.series.length)
      .map(lineChart);
}

// Losses as a map: the darker, the lower, on a logarithmic scale.
function planeMap(c) {
  const losses = [].concat(...c.plane.loss).filter((x) => isNumber(x) && x > 0), side = c.plane.places.length;
  const shade = d3.scale.log().domain(d3.extent(losses)).range([1, 0.04]).clamp(true);
  const plot = el('div', {class: 'plot'}), size = 20;
  const svg = d3.select(plot).append('svg').attr({class: 'plane', viewBox: `0 0 ${side * size} ${side * size}`});
  c.plane.loss.forEach((row, y) => row.forEach((loss, x) => {
    const place = `${fixed(2)(c.plane.places[x])}, ${fixed(2)(c.plane.places[y])}`;
    svg.append('rect')
        .attr({
          x: x * size,
          y: (side - 1 - y) * size,
          width: size,
          height: size,
          'fill-opacity': isNumber(loss) && loss > 0 ? shade(loss).toFixed(3) : 0
        })
        .append('title')
        .text(`${place}: loss ${short(loss)}, ${percent(c.plane.top1[y][x])} %`);
  }));
  return el(
      'figure', {class: 'chart map'}, el('h3', {}, c.checkpoint),
      el('p', {class: 'sub'},
         `loss from ${short(d3.min(losses))} (dark) to ${short(d3.max(losses))} (light), ${
             short(c.plane.places[0])} to ${short(c.plane.places.at(-1))} lengths of the filters`),
      plot);
}

function drawGeometry(main, g) {
  const section = (id, title, sub, ...inside) =>
      el('section', {id}, el('div', {class: 'head'}, el('h2', {}, title), el('p', {}, sub)), ...inside);
  const planes = g.checkpoints.filter((c) => c.plane);
  main.replaceChildren(
      section(
          'runs', 'Curvature',
          `mean loss of ${whole(g.images)} training images of ${
              g.data}, no weight decay; batch norms by the statistics ` +
              `of each batch of ${g.batch}`,
          checkpointsTable(g)),
      g.line.length ? section(
                          'line', 'Between the checkpoints', '0: the first, 1: the second', lineLegend(g),
                          el('div', {class: 'charts'}, ...lineCharts(g))) :
                      '',
      planes.length ? section(
                          'planes', 'Around the checkpoints', 'along two random directions of filters',
                          el('div', {class: 'charts'}, ...planes.map(planeMap))) :
                      '');
  for (const figure of main.querySelectorAll('figure.chart')) figure.draw?.();
}
