// The page as a whole: what is shown of the facts, and the theme.
const state = {
  axis: 'epoch',
  half: false,
  hidden: new Set(),
  open: new Set(),
  selected: null,
  sort: {title: 'Best %', down: true}
};
let facts = JSON.parse(document.getElementById('facts').textContent);

const kEpochCharts = [
  {
    id: 'test-top1',
    title: 'Test accuracy',
    sub: 'percent of the test images',
    column: 'test_top1',
    format: percent,
    most: 100,
    large: true
  },
  {
    id: 'test-loss',
    title: 'Test loss',
    sub: 'mean over the test images',
    column: 'test_loss',
    format: fixed(4),
    log: true
  },
  {
    id: 'train-loss',
    title: 'Training loss',
    sub: 'mean over an epoch',
    column: 'train_loss',
    format: fixed(4),
    log: true
  },
  {
    id: 'train-top1',
    title: 'Training accuracy',
    sub: 'percent, on augmented images',
    column: 'train_top1',
    format: percent,
    most: 100
  },
  {
    id: 'local-top1',
    title: 'Accuracy of the workers’ own models',
    sub: 'percent, mean over the workers, before they are averaged',
    column: 'local_test_top1',
    format: percent,
    most: 100
  },
  {
    id: 'ema-top1',
    title: 'Accuracy of the averaged weights',
    sub: 'percent, exponential average over the steps',
    column: 'ema_test_top1',
    format: percent,
    most: 100
  },
  {
    id: 'speed',
    title: 'Speed',
    sub: 'training images per second',
    column: 'img_per_s',
    format: whole,
    tick: whole,
    zero: true
  },
];
const kStepCharts = [
  {id: 'lr', title: 'Learning rate', series: 'lr', format: short, zero: true},
  {id: 'h', title: 'Local steps between averagings', sub: 'H', series: 'h', format: short, step: true, zero: true},
  {
    id: 'distance',
    title: 'Distance to the consensus',
    sub: 'before averaging; line: mean, band: the workers',
    series: 'distance',
    format: short,
    log: true
  },
  {
    id: 'step-loss',
    title: 'Loss of a step',
    sub: 'line: mean of consecutive steps, band: lowest to highest',
    series: 'loss',
    format: fixed(4),
    log: true
  },
];

function charts(groups) {
  const from =
      state.half ? d3.max(groups, (g) => d3.max(g.runs, (run) => run.epochs.epoch.at(-1) || 0)) / 2 : -Infinity;
  const of = (all, points) =>
      all.map((spec) => ({
                ...spec,
                axis: state.axis,
                from,
                series: groups.map((g) => ({...g, points: points(g, spec)})).filter((s) => s.points.length)
              }))
          .filter((spec) => spec.series.length)
          .map(lineChart);
  return [
    of(kEpochCharts, (g, spec) => epochPoints(g, spec.column, state.axis, from)),
    of(kStepCharts, (g, spec) => stepPoints(g, spec.series, state.axis, from))
  ];
}

// Mean time of a step by part, over the epochs and the seeds.
function partsOf(groups) {
  const names = {
    data: 'waiting for data',
    compute: 'computing',
    average: 'averaging',
    evaluate: 'evaluation',
    checkpoint: 'checkpoints'
  };
  const rows = groups
                   .map((g) => {
                     const runs = g.runs.filter((run) => run.parts),
                           parts =
                               Object.keys(names).map((name) => mean(finite(runs.map((run) => run.parts[name]))) || 0);
                     return {group: g, parts, total: d3.sum(parts)};
                   })
                   .filter((row) => row.total > 0);
  if (!rows.length) return null;
  const most = d3.max(rows, (row) => row.total);
  return el(
      'section', {id: 'time'},
      el('div', {class: 'head'}, el('h2', {}, 'Where a step’s time goes'),
         el('p', {}, 'mean over the run; evaluation and checkpoints shared out over the steps')),
      el('p', {class: 'legend'},
         ...Object.values(names).map((name, i) => el('span', {}, el('i', {class: `p${i}`}), name))),
      el('div', {class: 'parts'},
         ...[].concat(...rows.map(
             ({group, parts, total}) =>
                 [el('span', {class: 'name'}, group.label),
                  el('span', {
                    class: 'bar',
                    role: 'img',
                    'aria-label': Object.values(names).map((name, i) => `${name} ${duration(parts[i])}`).join(', ')
                  },
                     ...parts.map((part, i) => el('i', {
                                    class: `p${i}`,
                                    style: `width:${100 * part / most}%`,
                                    title: `${Object.values(names)[i]}: ${duration(part)}`
                                  }))),
                  el('span', {class: 'total'}, duration(total))]))));
}

function axisChoice(redraw) {
  const axes =
      el('div', {class: 'choice', role: 'group', 'aria-label': 'Axis'}, ...Object.entries(kAxes).map(([name, axis]) => {
        const can = hasAxis(name, facts.runs);
        return el(
            'button', {
              type: 'button',
              'data-focus': `axis-${name}`,
              'data-axis': name,
              'aria-pressed': String(state.axis === name),
              disabled: !can,
              title: can               ? null :
                  name === 'simulated' ? 'no run has a simulated network (--net)' :
                                         'no run has it',
              onclick: () => {
                state.axis = name;
                redraw();
              }
            },
            axis.label);
      }));
  const parts =
      el('div', {class: 'choice', role: 'group', 'aria-label': 'Part of the run'},
         ...[['Whole run', false], ['Second half', true]].map(
             ([label, half]) =>
                 el('button', {
                   type: 'button',
                   'data-focus': `half-${half}`,
                   'aria-pressed': String(state.half === half),
                   onclick: () => {
                     state.half = half;
                     redraw();
                   }
                 },
                    label)));
  return [axes, parts];
}

// Redraws everything; focus and opened parts stay.
function draw() {
  const focus = document.activeElement?.dataset?.focus;
  const kept = new Set([...document.querySelectorAll('details[open]')].map((d) => d.dataset.keep));
  const main = document.getElementById('main');
  document.title = `${facts.title} · skein`;
  document.getElementById('title').textContent = facts.title;
  document.getElementById('foot').textContent = `skein ${facts.version} · ${facts.live ? 'read' : 'made'} ${
      facts.made} · charts: d3 ${d3.version} (BSD licence, in this page’s source)`;
  if (facts.geometry) return drawGeometry(main, facts.geometry);
  if (!facts.runs.length) {
    main.replaceChildren(
        el('p', {class: 'empty'}, 'No run yet. This page shows the first one as soon as it begins.'),
        notesOf(facts) ?? '');
    return;
  }
  if (!hasAxis(state.axis, facts.runs)) state.axis = 'epoch';
  const groups = makeGroups(facts);
  const table = runsTable(facts, groups, state, draw);
  const shown = groups.filter((g) => !state.hidden.has(g.key));
  const [curves, training] = charts(shown), seeds = groups.length < facts.runs.length;
  main.replaceChildren(
      ...verdicts(groups),
      el('section', {id: 'runs'},
         el('div', {class: 'head'}, el('h2', {}, groups.length === 1 ? 'The run' : 'Runs'),
            el('p', {},
               [
                 `${facts.runs.length} ${facts.runs.length === 1 ? 'run' : 'runs'}`,
                 groups.length < facts.runs.length ? `in ${groups.length} settings` : null
               ].filter(Boolean)
                   .join(' '))),
         table),
      el('section', {id: 'curves'},
         el('div', {class: 'head'}, el('h2', {}, 'Curves'), ...axisChoice(draw),
            seeds ? el('p', {}, 'line: mean of the seeds, band: lowest to highest') : null),
         curves.length ? el('div', {class: 'charts'}, ...curves) : el('p', {class: 'sub'}, 'No epoch has ended yet.')),
      training.length ?
          el('section', {id: 'training'},
             el('div', {class: 'head'}, el('h2', {}, 'Training'), seeds ? el('p', {}, 'the first seed') : null),
             el('div', {class: 'charts'}, ...training)) :
          '',
      partsOf(shown) ?? '', runDetail(facts, state, draw));
  for (const figure of main.querySelectorAll('figure.chart')) figure.draw();
  for (const d of document.querySelectorAll('details'))
    if (kept.has(d.dataset.keep)) d.open = true;
  if (focus)
    [...document.querySelectorAll('[data-focus]')].find((e) => e.dataset.focus === focus)?.focus({preventScroll: true});
}

function useTheme(theme) {
  const root = document.documentElement, button = document.getElementById('theme');
  if (theme === 'auto')
    delete root.dataset.theme;
  else
    root.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  button.onclick = () => {
    const next = {auto: 'light', light: 'dark', dark: 'auto'}[theme];
    try {
      localStorage.setItem('theme', next);
    } catch (e) { /* a page from a file may have no storage */
    }
    useTheme(next);
  };
}

let saved = 'auto';
try {
  saved = localStorage.getItem('theme') || 'auto';
} catch (e) { /* as above */
}
useTheme(['light', 'dark'].includes(saved) ? saved : 'auto');
let width = window.innerWidth;
window.addEventListener('resize', () => {
  if (window.innerWidth !== width) document.querySelectorAll('figure.chart').forEach((figure) => figure.draw?.());
  width = window.innerWidth;
});
if (facts) draw();
if (!facts || facts.live) renew();
