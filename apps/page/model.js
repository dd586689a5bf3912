// Runs as series to draw: groups of runs that differ in their seed only, and what may stand on the axis below a curve.
const kColours = 8;
// Every four groups have another dash: under a colour blindness, hues are only told apart within four.
const kDashes = ['', '7 4', '2 3', '9 3 2 3', '14 4', '4 2'];

// Axes: `epochs` gives the position of every epoch of a run.
const kAxes = {
  epoch: {label: 'Epochs', of: (run) => run.epochs.epoch, format: short, unit: 'epoch'},
  seconds: {
    label: 'Time',
    of: (run) => run.epochs.seconds,
    format: duration,
    unit: 'time',
    ticks: durationTicks,
    tick: durationTick
  },
  simulated: {
    label: 'Simulated time',
    of: (run) => run.epochs.simulated,
    format: duration,
    unit: 'time on the simulated network',
    ticks: durationTicks,
    tick: durationTick
  },
  bytes: {label: 'Bytes sent', of: (run) => run.epochs.bytes, format: bytes, unit: 'sent by a worker', tick: bytes},
};
const hasAxis = (axis, runs) => runs.some((run) => (kAxes[axis].of(run) || []).some((x) => isNumber(x) && x > 0));

// Colours stay with a group while runs appear and go.
const places = new Map();
function placeOf(key) {
  if (!places.has(key)) places.set(key, places.size);
  return places.get(key);
}

// The name of runs that differ in their seed: the beginning that theirs have in common.
function groupName(runs) {
  let name = runs[0].name;
  for (const run of runs)
    while (!run.name.startsWith(name)) name = name.slice(0, -1);
  return (runs.length > 1 && name.replace(/[-_=.\/ ]*(seed|s)?[-_=]*$/i, '')) || runs[0].name;
}

function makeGroups(facts) {
  const differs = facts.differs.filter((key) => key !== 'seed');
  return facts.groups.map((members) => {
    const runs = members.map((i) => facts.runs[i]);
    const settings = differs.map((key) => runs[0].settings[key] ?? kNone);
    const name = groupName(runs), dated = /\d{4}-\d\d-\d\d-\d{6}/.test(name);  // a name that train has chosen says less
    const label = dated && differs.length > 0 && differs.length <= 3 ? settings.join(' · ') : name;
    const place = placeOf(runs[0].folder);
    return {
      key: runs[0].folder,
      name,
      label,
      runs,
      colour: place % kColours,
      dash: kDashes[Math.floor(place / 4) % kDashes.length]
    };
  });
}

const finite = (values) => values.filter(isNumber);
const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN);
// Standard deviation of a sample: divisor n - 1.
function deviation(values) {
  if (values.length < 2) return NaN;
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - m) ** 2, 0) / (values.length - 1));
}

// Number of ways in which n and m values can be ordered, by U: how many pairs have the greater value in the first sample.
// The coefficients of the product of (1 - x^(m + i)) / (1 - x^i), i = 1 ... n.
function waysByU(n, m) {
  const ways = Array(n * m + 1).fill(0);
  ways[0] = 1;
  for (let i = 1; i <= n; ++i) {
    for (let u = n * m; u >= m + i; --u) ways[u] -= ways[u - m - i];
    for (let u = i; u <= n * m; ++u) ways[u] += ways[u - i];
  }
  return ways;
}

// Two-sided p of the rank test of Mann and Whitney, exact where no values are equal.
function rankTest(a, b) {
  const ways = waysByU(a.length, b.length), u = d3.sum(a, (x) => d3.sum(b, (y) => (x > y) + 0.5 * (x === y)));
  const least = Math.floor(Math.min(u, a.length * b.length - u));
  return Math.min(1, 2 * d3.sum(ways.slice(0, least + 1)) / d3.sum(ways));
}

const smallestP = (n, m) => 2 / d3.sum(waysByU(n, m));

// Mean over the runs of a group, with the lowest and the highest, at every epoch that one of them has.
function epochPoints(group, column, axis, from) {
  const at = new Map();
  for (const run of group.runs) {
    const xs = kAxes[axis].of(run) || [], ys = run.epochs[column] || [];
    run.epochs.epoch.forEach((epoch, i) => {
      if (!isNumber(xs[i]) || !isNumber(ys[i]) || epoch < from) return;
      if (!at.has(epoch)) at.set(epoch, {x: [], y: []});
      at.get(epoch).x.push(xs[i]);
      at.get(epoch).y.push(ys[i]);
    });
  }
  return [...at.entries()]
      .sort((a, b) => a[0] - b[0])
      .map(([, p]) => ({x: mean(p.x), y: mean(p.y), low: Math.min(...p.y), high: Math.max(...p.y)}));
}

// The place of a step on an axis: between the epochs before and after it, by its share of the steps.
function stepPlace(run, axis) {
  const steps = run.epochs.step || [], xs = kAxes[axis].of(run) || [];
  if (axis === 'epoch') {
    const each = run.about?.steps_per_epoch || (steps.length ? steps[0] / run.epochs.epoch[0] : 0);
    return (step) => (each > 0 ? step / each : NaN);
  }
  if (!xs.length || !xs.every(isNumber)) return () => NaN;
  const scale = d3.scale.linear().domain([0, ...steps]).range([0, ...xs]);
  return (step) => (step <= steps[steps.length - 1] ? scale(step) : NaN);
}

// A series by step of the first run of a group. {x, y} is a sample, {x, mean, low, high} a thinned one.
function stepPoints(group, name, axis, from) {
  const run = group.runs[0], series = run[name];
  if (!series) return [];
  const place = stepPlace(run, axis), epoch = stepPlace(run, 'epoch'), values = series.y || series.mean;
  return series.x
      .map((step, i) => ({
             x: epoch(step) < from ? NaN : place(step),
             y: values[i],
             low: series.low ? series.low[i] : values[i],
             high: series.high ? series.high[i] : values[i],
           }))
      .filter((p) => isNumber(p.x) && isNumber(p.y));
}

// First place on the axis at which the accuracy reaches the target; NaN: never.
function reached(run, target, axis) {
  const at = (run.epochs.test_top1 || []).findIndex((y) => isNumber(y) && y >= target);
  return at < 0 ? NaN : (kAxes[axis].of(run) || [])[at];
}

function summary(group) {
  const of = (get) => finite(group.runs.map(get));
  const last = (column) => (run) => (run.epochs[column] || []).at(-1);
  return {
    best: of((run) => run.best_top1),
    last: of(last('test_top1')),
    seconds: of(last('seconds')),
    bytes: of(last('bytes')),
    images: of(last('img_per_s')),
    epochs: mean(group.runs.map((run) => run.epochs.epoch.at(-1) || 0)),
  };
}
