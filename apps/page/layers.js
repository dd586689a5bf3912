// The layers of a run from the input downwards: the network as a graph, each layer coloured by its measured time, with
// the norms of its weights and gradients over the epochs.
const kRow = 22;  // pixels of a layer, as in page.css
const kGutter = 58;

// Colour between the panel's and the accent of time, by the share of the slowest layer.
function timeColour(share) {
  return `background:color-mix(in srgb, var(--c1) ${Math.round(100 * share)}%, var(--panel));color:${
      share > 0.55 ? 'light-dark(#fff,#101214)' : 'inherit'}`;
}

// Lines from the layers that are read, on the left of the rows: straight to the next row, else curved the more the
// farther away.
function graphEdges(inputs) {
  const middle = (row) => (row + 0.5) * kRow, x = kGutter - 4, most = d3.max(inputs, (from, to) => to - (from[0] ?? to));
  const svg = d3.select(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));
  svg.attr({class: 'edges', width: kGutter, height: inputs.length * kRow, 'aria-hidden': 'true'});
  inputs.forEach((layers, to) => layers.forEach((from) => {
    const bow = to - from === 1 ? 0 : 10 + (kGutter - 18) * Math.sqrt((to - from) / most);
    svg.append('path').attr({
      d: `M${x} ${middle(from)}C${x - bow * 4 / 3} ${middle(from)} ${x - bow * 4 / 3} ${middle(to)} ${x} ${middle(to)}`,
      'data-from': from,
      'data-to': to
    });
  }));
  for (const row of inputs.keys()) svg.append('circle').attr({r: 2.5, cx: x, cy: middle(row)});
  return svg.node();
}

// A curve as high as a line of text, on a logarithmic scale that all layers share.
function normCurve(epochs, values, scale, name) {
  const points = epochs.map((epoch, i) => ({x: epoch, y: values[i]})).filter((p) => isNumber(p.y) && p.y > 0);
  const cell = el('td', {class: 'norm', 'data-label': name});
  if (!points.length) return cell;
  const x = d3.scale.linear().domain([epochs[0], epochs.at(-1)]).range([1, 71]);
  const svg = d3.select(cell).append('svg').attr({viewBox: '0 0 72 18', preserveAspectRatio: 'none', class: name});
  svg.attr('aria-hidden', 'true');
  const line = d3.svg.line().x((p) => x(p.x).toFixed(1)).y((p) => scale(p.y).toFixed(2));
  svg.append('path').attr('d', points.length > 1 ? line(points) : `M1,${scale(points[0].y).toFixed(2)}H71`);
  cell.append(el('span', {}, short(points.at(-1).y)));
  return cell;
}

function normScale(rows) {
  const all = [].concat(...rows).filter((y) => isNumber(y) && y > 0);
  return d3.scale.log().domain([d3.min(all) || 1, (d3.max(all) || 1) * 1.0001]).range([17, 1]);
}

// How to get the times, as a line for the shell.
function profileCommand(run) {
  const set = run.settings, text = (key) => String(set[key] ?? '').replace(/^'|'$/g, '');
  const image = run.about?.image;
  return [
    'skein bench step --model', quoted(text('model')), `--batch ${text('batch') || 128}`,
    Array.isArray(image) ? `--size ${Number(image[0])} --channels ${Number(image[2])}` : null,
    isNumber(run.about?.machine?.threads) ? `--threads ${run.about.machine.threads}` : null,
    '--profile --json >', quoted(`${run.folder}/profile.json`)
  ].filter(Boolean)
      .join(' ');
}

function layerReadout(layers, i, all) {
  const rows = [], times = layers.forward;
  if (times) {
    const sum = times[i] + layers.backward[i];
    rows.push(
        ['forward', duration(times[i] * 1e-3)], ['backward', duration(layers.backward[i] * 1e-3)],
        ['of all kernels', `${fixed(1)(100 * sum / all)} %`]);
    const from = (layers.inputs[i] || []).map((j) => layers.names[j]);
    rows.push([
      'reads', from.length > 3 ? `${from.length} layers` : from.length ? from.join(', ') : i === 0 ? 'the images' : kNone
    ]);
  }
  for (const [key, name] of [['weight', 'weight norm'], ['grad', 'gradient norm']])
    if (layers[key] && isNumber(layers[key][i].at(-1))) rows.push([name, short(layers[key][i].at(-1))]);
  return rows;
}

// Numbers of the layer under the pointer, or of the one that the arrow keys have come to.
function followLayers(frame, layers, all) {
  const readout = document.getElementById('readout'), rows = [...frame.querySelectorAll('tbody tr')];
  let at = -1;
  const mark = (on) => {
    if (at < 0) return;
    rows[at].classList.toggle('at', on);
    for (const path of frame.querySelectorAll(`path[data-from="${at}"], path[data-to="${at}"]`))
      path.classList.toggle('at', on);
  };
  const hide = () => {
    mark(false);
    at = -1;
    readout.hidden = true;
  };
  const show = (i) => {
    mark(false);
    at = i;
    mark(true);
    readout.replaceChildren(
        el('p', {}, layers.names[i]),
        el('table', {},
           ...layerReadout(layers, i, all).map(([name, value]) => el('tr', {}, el('td', {}, name), el('td', {}, value)))));
    readout.hidden = false;
    const box = rows[i].getBoundingClientRect(), room = document.documentElement.clientWidth - readout.offsetWidth - 8;
    readout.style.left = `${Math.max(4, Math.min(room, box.left + kGutter + 20)) + window.scrollX}px`;
    readout.style.top = `${box.bottom + window.scrollY + 6}px`;
  };
  rows.forEach((row, i) => {
    row.onpointerenter = () => show(i);
  });
  frame.onpointerleave = frame.onblur = hide;
  frame.onkeydown = (event) => {
    const by = {ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -rows.length, End: rows.length}[event.key];
    if (event.key === 'Escape') return hide();
    if (!by) return;
    event.preventDefault();
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by));
    rows[next].scrollIntoView({block: 'nearest'});
    show(next);
  };
}

function layerTable(layers) {
  const times = layers.forward && layers.forward.map((ms, i) => ms + layers.backward[i]), most = d3.max(times || [1]);
  const scales = layers.weight && {weight: normScale(layers.weight), grad: normScale(layers.grad)};
  const heads = ['Layer', times ? 'ms' : null, scales ? 'Weight norm' : null, scales ? 'Gradient norm' : null];
  const rows = layers.names.map(
      (name, i) => el(
          'tr', {'data-layer': name}, el('td', {class: 'name', style: times ? timeColour(times[i] / most) : null}, name),
          times ? el('td', {class: 'time'}, short(times[i])) : null,
          scales ? normCurve(layers.epochs, layers.weight[i], scales.weight, 'weight') : null,
          scales ? normCurve(layers.epochs, layers.grad[i], scales.grad, 'grad') : null));
  const table = el(
      'table', {
        'data-weight': scales ? scales.weight.domain().join(' ') : null,
        'data-grad': scales ? scales.grad.domain().join(' ') : null
      },
      el('thead', {}, el('tr', {}, ...heads.filter(Boolean).map((head) => el('th', {scope: 'col'}, head)))),
      el('tbody', {}, ...rows));
  const frame = el(
      'div', {
        class: `layers${times ? ' graph' : ''}`,
        tabindex: 0,
        role: 'group',
        'aria-label': `${layers.names.length} layers; the arrow keys show the numbers of each`
      },
      times ? graphEdges(layers.inputs) : null, table);
  followLayers(frame, layers, (d3.sum(times || []) + (layers.elsewhere || 0)) || 1);
  return frame;
}

function layersOf(run) {
  const layers = run.layers;
  const how = [
    'Coloured by measured time once its folder has that of a step: ', el('code', {}, profileCommand(run))
  ];
  const said = [];
  if (layers?.forward)
    said.push(`${duration(d3.sum(layers.forward) * 1e-3)} forward, ${
        duration(d3.sum(layers.backward) * 1e-3)} backward, ${
        duration(layers.elsewhere * 1e-3)} outside the layers (optimizer), from ${layers.source}; the stronger the orange, the longer. `);
  if (layers?.weight)
    said.push('Norms: curves over the epochs on one logarithmic scale, and the last value; gradient of worker 0.');
  return el(
      'section', {id: 'layers'},
      el('div', {class: 'head'}, el('h3', {}, layers?.forward ? 'The network, by time' : 'Layers'),
         said.length ? el('p', {}, ...said) : null),
      layers?.forward ? null : el('p', {class: 'sub how'}, ...how), layers ? layerTable(layers) : null);
}
