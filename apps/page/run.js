// One run in detail: which classes are taken for which, the worst predictions as pictures, machine and command.
function matrixOf(run) {
  const matrix = run.confusion, classes = run.classes;
  if (!matrix) return null;
  const n = matrix.length, sums = matrix.map((row) => row.reduce((a, b) => a + b, 0) || 1);
  const colour = (share, right) => `color-mix(in srgb, var(${right ? '--c0' : '--c1'}) ${
      Math.round(100 * Math.min(1, (right ? 0.9 : 2.4) * share))}%, var(--panel))`;
  if (n > 25) return heatOf(matrix, sums);
  const body = matrix
                   .map(
                       (row, i) =>
                           el(
                               'tr', {}, el('th', {scope: 'row', title: classes[i]}, classes[i]),
                               ...row.map(
                                   (count, j) =>
                                       el(
                                           'td', {
                                             title: `${count} of ${sums[i]} ${classes[i]}: predicted ${classes[j]}`,
                                             style: count ? `background:${colour(count / sums[i], i === j)};color:${
                                                                (i === j ? 0.9 : 2.4) * count / sums[i] > 0.55 ?
                                                                    'light-dark(#fff,#101214)' :
                                                                    'inherit'}` :
                                                            ''
                                           },
                                           count ? String(count) : ''))));
  return el(
      'table', {class: 'matrix'},
      el('thead', {},
         el('tr', {}, el('th', {}),
            ...classes.map((name) => el('th', {scope: 'col', title: name}, el('span', {}, name))))),
      el('tbody', {}, ...body));
}

// A pixel per pair of classes.
function heatOf(matrix, sums) {
  const n = matrix.length, canvas = el('canvas', {
                             class: 'heat',
                             width: n,
                             height: n,
                             role: 'img',
                             'aria-label': 'Confusion matrix; the most frequent confusions are listed beside it'
                           });
  const context = canvas.getContext('2d');
  matrix.forEach((row, i) => row.forEach((count, j) => {
    if (!count) return;
    context.fillStyle = i === j ? `rgba(20,120,190,${0.15 + 0.85 * count / sums[i]})` :
                                  `rgba(220,95,0,${Math.min(1, 0.15 + 3 * count / sums[i])})`;
    context.fillRect(j, i, 1, 1);
  }));
  return canvas;
}

function pairsOf(run) {
  if (!run.confused || !run.confused.length) return null;
  return el(
      'table', {class: 'pairs'},
      el('tbody', {},
         ...run.confused.slice(0, 12).map(
             ([label, predicted, count]) =>
                 el('tr', {}, el('td', {}, run.classes[label]), el('td', {}, `→ ${run.classes[predicted]}`),
                    el('td', {}, whole(count))))));
}

function classBars(run) {
  if (!run.class_top1) return null;
  let rows = run.class_top1.map((value, i) => ({name: run.classes[i] ?? `class ${i}`, value}))
                 .filter((r) => isNumber(r.value));
  const all = rows.length;
  if (all > 25) rows = rows.sort((a, b) => a.value - b.value).slice(0, 25);
  const bars = [].concat(...rows.map(
      ({name, value}) =>
          [el('span', {}, name),
           el('span', {class: 'track'}, el('i', {style: `width:${Math.max(0, Math.min(100, value))}%`})),
           el('span', {class: 'value'}, fixed(1)(value))]));
  return el(
      'div', {}, el('h3', {}, 'Accuracy by class'),
      el('p', {class: 'sub'},
         all > 25 ? `percent; the lowest 25 of ${all} classes` : 'percent of the test images of each class'),
      el('div', {class: 'bars'}, ...bars));
}

function worstOf(run) {
  if (!run.worst || !run.worst.length) return null;
  const name = (c) => run.classes[c] ?? `class ${c}`;
  const items = run.worst.map(
      (w) => el(
          'li', {},
          w.png ? el('img', {src: `data:image/png;base64,${w.png}`, alt: `test image ${w.index}`}) :
                  `Image ${w.index}: `,
          `${name(w.predicted)} ${fixed(1)(100 * w.probability)} %`, el('br'), el('span', {}, `is ${name(w.label)}`)));
  return el(
      'section', {},
      el('div', {class: 'head'}, el('h3', {}, 'Worst predictions'),
         el('p', {},
            'wrong answers with the highest probability' +
                (run.worst_all > run.worst.length ?
                     `; ${run.worst.length} of ${run.worst_all}, to keep the page small` :
                     ''))),
      el('ul', {class: 'worst'}, ...items));
}

// An argument as a POSIX shell reads it.
const quoted = (text) => (/^[\w@%+=:,.\/-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);

function repeatOf(run) {
  const facts = run.about || {}, machine = facts.machine || {};
  const words = (facts.command ?? ['skein', 'train', '--config', `${run.folder}/config.toml`])
                    .map((word) => quoted(String(word))),
        line = words.join(' ');
  const rows = [
    ['Run', run.folder],
    [
      'Model',
      [facts.model ?? run.settings.model, isNumber(facts.parameters) ? `${whole(facts.parameters)} parameters` : null]
          .filter(Boolean)
          .join(', ')
    ],
    ['Started', facts.started], ['Processor', machine.cpu], ['GPU', machine.gpu], ['Threads', machine.threads],
    ['Hosts', Array.isArray(machine.hosts) && machine.hosts.length > 1 ? machine.hosts.join(', ') : null],
    ['Workers', facts.workers],
    ['skein', [run.version || facts.version, facts.commit].filter(Boolean).join(', commit ')]
  ].filter(([, value]) => value !== undefined && value !== null && value !== '');
  const copy =
      el('button', {
        type: 'button',
        class: 'copy',
        onclick: async () => {
          try {
            await navigator.clipboard.writeText(line);
            copy.textContent = 'Copied';
          } catch (e) {
            copy.textContent = 'Select the text above';
          }
        }
      },
         'Copy command');
  const settings = Object.entries(run.settings);
  return el(
      'div', {}, el('h3', {}, 'Machine and command'), el('p', {class: 'sub'}, 'what repeats this run'),
      el('dl', {}, ...[].concat(...rows.map(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]))),
      el('pre', {}, ...words.map((word) => el('span', {}, word, ' '))), copy,
      el('details', {'data-keep': 'settings'}, el('summary', {}, `All ${settings.length} settings`),
         el('dl', {}, ...[].concat(...settings.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])))));
}

function runDetail(facts, state, redraw) {
  const best = [...facts.runs].sort((a, b) => (b.best_top1 ?? -1) - (a.best_top1 ?? -1))[0];
  const run = facts.runs.find((r) => r.folder === state.selected) || best;
  const choose =
      el('select', {
        'aria-label': 'Run',
        'data-focus': 'run',
        onchange: () => {
          state.selected = choose.value;
          redraw();
        }
      },
         ...facts.runs.map((r) => el('option', {value: r.folder, selected: r === run}, r.name)));
  const matrix = matrixOf(run), pairs = matrix && run.confusion.length > 25 || !matrix ? pairsOf(run) : null;
  const confusion = matrix || pairs ? el('div', {}, el('h3', {}, 'Confusion matrix'),
                                         el('p', {class: 'sub'},
                                            `rows: label, columns: prediction; blue right, orange wrong${
                                                run.evaluated_epoch ? `; epoch ${run.evaluated_epoch}` : ''}`),
                                         matrix, pairs ? el('h3', {}, 'Most frequent confusions') : null, pairs) :
                                                                      null;
  return el(
      'section', {id: 'run'},
      el('div', {class: 'head'}, el('h2', {}, 'One run'), facts.runs.length > 1 ? choose : el('p', {}, run.name)),
      el('div', {class: 'detail'}, confusion, classBars(run), repeatOf(run)), layersOf(run),
      worstOf(run));
}
