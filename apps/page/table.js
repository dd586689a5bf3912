// The table of runs, a row per group of seeds, and the sentences above it that say which is best.
const kMostSettings = 8;

function statusText(run) {
  if (run.status === 'stalled') return `stalled since ${clock(run.last_line)}`;
  return run.status;
}

function spread(values, format) {
  if (!values.length) return kNone;
  return values.length > 1 ? `${format(mean(values))} ± ${format(deviation(values))}` : format(values[0]);
}

// Columns: title, value to sort by (ascending: least first), text.
function columnsOf(facts, groups) {
  const keys = facts.differs.filter((key) => key !== 'seed').slice(0, kMostSettings);
  const settings = keys.map((key) => ({
                              title: key,
                              text: true,
                              value: (g) => {
                                const t = g.runs[0].settings[key] ?? '';
                                return isNaN(parseFloat(t)) ? t : parseFloat(t);
                              },
                              show: (g) => g.runs[0].settings[key] ?? kNone
                            }));
  const of = (name) => (g) => mean(g.sum[name]);
  const numbers = [
    {
      title: 'Status',
      text: true,
      value: (g) => g.runs[0].status,
      show: (g) => g.runs.map(statusText).filter((t, i, all) => all.indexOf(t) === i).join(', '),
      className: (g) => `status-${g.runs[0].status}`
    },
    {title: 'Epochs', value: (g) => g.sum.epochs, show: (g) => `${short(g.sum.epochs)} / ${g.runs[0].planned_epochs}`},
    {title: 'Last %', down: true, value: of('last'), show: (g) => spread(g.sum.last, percent)},
    {title: 'Best %', down: true, value: of('best'), show: (g) => spread(g.sum.best, percent), best: true},
    {title: 'Time', value: of('seconds'), show: (g) => duration(mean(g.sum.seconds))},
    {
      title: 'Sent',
      value: of('bytes'),
      show: (g) => bytes(mean(g.sum.bytes)),
      skip: !groups.some((g) => mean(g.sum.bytes) > 0)
    },
    {title: 'Images/s', down: true, value: of('images'), show: (g) => whole(mean(g.sum.images))},
  ];
  return settings.concat(numbers.filter((column) => !column.skip));
}

function sorted(groups, columns, sort) {
  const column = columns.find((c) => c.title === sort.title);
  if (!column) return groups;
  const sign = sort.down ? -1 : 1;
  const missing = (v) => v === '' || (typeof v === 'number' && isNaN(v));
  return [...groups].sort((a, b) => {
    const x = column.value(a), y = column.value(b);
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    return sign * (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : String(x) < String(y) ? -1 : 1);
  });
}

function runsTable(facts, groups, state, redraw) {
  groups.forEach((g) => {
    g.sum = summary(g);
  });
  const columns = columnsOf(facts, groups);
  const top = d3.max(groups, (g) => mean(g.sum.best));
  const title = (column) => {
    const on = state.sort.title === column.title;
    return el(
        'th', {
          scope: 'col',
          class: column.text ? 'text' : '',
          'aria-sort': on ? (state.sort.down ? 'descending' : 'ascending') : null
        },
        el('button', {
          type: 'button',
          'data-focus': `sort-${column.title}`,
          onclick: () => {
            state.sort = {title: column.title, down: on ? !state.sort.down : Boolean(column.down)};
            redraw();
          }
        },
           column.title + (on ? (state.sort.down ? ' ↓' : ' ↑') : '')));
  };
  const cells = (g, dim) => columns.map(
      (column) =>
          el('td', {
            'data-label': column.title,
            class: [
              column.text ? 'text' : '', column.className ? column.className(g) : '',
              column.best && !dim && mean(g.sum.best) === top && groups.length > 1 ? 'best' : ''
            ].join(' ')
          },
             column.show(g)));
  const rows = [];
  for (const g of sorted(groups, columns, state.sort)) {
    const on = !state.hidden.has(g.key), open = state.open.has(g.key), several = g.runs.length > 1;
    const box = el('input', {
      type: 'checkbox',
      'data-focus': `show-${g.key}`,
      onchange: () => {
        if (on)
          state.hidden.add(g.key);
        else
          state.hidden.delete(g.key);
        redraw();
      }
    });
    box.checked = on;
    const seeds = several ? el('button', {
      type: 'button',
      class: 'seeds',
      'data-focus': `seeds-${g.key}`,
      'aria-expanded': String(open),
      onclick: () => {
        if (open)
          state.open.delete(g.key);
        else
          state.open.add(g.key);
        redraw();
      }
    },
                               `${g.runs.length} seeds ${open ? '▾' : '▸'}`) :
                            null;
    rows.push(
        el('tr', {class: on ? '' : 'off', 'data-run': g.runs[0].name},
           el('td', {class: 'text name'}, el('label', {}, box, keyOf(g), g.name), seeds), ...cells(g)));
    if (several && open)
      for (const run of g.runs) {
        const one = {...g, runs: [run]};
        one.sum = summary(one);
        rows.push(
            el('tr', {class: 'seed', 'data-run': run.name},
               el('td', {class: 'text name'}, `${run.name}, seed ${run.settings.seed ?? kNone}`), ...cells(one, true)));
      }
  }
  const more = facts.differs.filter((key) => key !== 'seed').slice(kMostSettings);
  return el(
      'div', {},
      el('div', {class: 'scroll'},
         el('table', {class: 'runs'},
            el('thead', {}, el('tr', {}, el('th', {class: 'text', scope: 'col'}, 'Run'), ...columns.map(title))),
            el('tbody', {}, ...rows))),
      more.length ? el('p', {class: 'sub'}, `They also differ in ${more.join(', ')}.`) : null, notesOf(facts));
}

function notesOf(facts) {
  const notes = [].concat(
      ...facts.runs.map((run) => run.notes.map((note) => `${run.name}: ${note}`)),
      facts.left_out.map((why) => `Left out: ${why}`));
  return notes.length ? el('ul', {class: 'notes'}, ...notes.map((note) => el('li', {}, note))) : null;
}

const named = (g) => el('b', {}, g.label);

// Whether the seeds tell the best setting from the next. p is multiplied by the number of `others` that the best stands
// before (Bonferroni); where even samples that lie wholly apart would not reach 0.05, there are too few seeds to say.
function chanceOf(best, next, others) {
  const most = 0.05 / others, counts = `${best.length} and ${next.length} seeds`;
  if (best.length < 2 || next.length < 2) return '; one seed each does not say whether that is chance.';
  let enough = 2;
  while (smallestP(enough, enough) >= most) ++enough;
  if (smallestP(best.length, next.length) >= most)
    return `. Whether that is chance, ${counts} cannot say, however large the difference: ${enough} of each can.`;
  const p = Math.min(1, rankTest(best, next) * others), with_p = `rank test of ${counts}, p = ${short(p)}`;
  return p < 0.05 ? `, more than chance explains (${with_p}).` : `, which may be chance (${with_p}).`;
}

// The settings in which two groups differ, as far as a sentence has room.
function differenceOf(first, second) {
  const of = (g, key) => g.runs[0].settings[key] ?? kNone;
  const keys = Object.keys(first.runs[0].settings).filter((key) => key !== 'seed' && of(first, key) !== of(second, key));
  if (!keys.length || keys.length > 3) return keys.length ? ` The two differ in ${keys.length} settings.` : '';
  return ` The two differ in ${keys.map((key) => `${key} (${of(first, key)}, ${of(second, key)})`).join(' and ')}.`;
}

// Which group is best, by how much against the spread of the seeds, and which is quickest to what all of them reach.
function verdicts(groups) {
  const ranked = groups.filter((g) => g.sum.best.length).sort((a, b) => mean(b.sum.best) - mean(a.sum.best));
  if (!ranked.length) return [el('p', {class: 'verdict'}, 'No epoch has been evaluated yet.')];
  const [first, second] = ranked, seeds = (g) => (g.sum.best.length > 1 ? `, mean of ${g.sum.best.length} seeds` : '');
  if (groups.length === 1 && first.runs.length === 1)
    return [el(
        'p', {class: 'verdict'}, named(first),
        ` has reached a test accuracy of ${percent(first.runs[0].best_top1)} % in epoch ${
            first.runs[0].best_epoch} of ${first.runs[0].planned_epochs}.`)];
  const best =
      el('p', {class: 'verdict'}, named(first),
         ` has the highest test accuracy: ${spread(first.sum.best, percent)} %${seeds(first)}`);
  if (!second) return [best, speedVerdict(ranked)].filter(Boolean);
  const lead = mean(first.sum.best) - mean(second.sum.best);
  best.append(
      `. Next is `, named(second), ` with ${spread(second.sum.best, percent)} %, ${percent(lead)} points lower`);
  best.append(chanceOf(first.sum.best, second.sum.best, ranked.length - 1), differenceOf(first, second));
  return [best, speedVerdict(ranked)].filter(Boolean);
}

// The target is the highest whole percent that every run has reached, so that all can be compared.
function speedVerdict(groups) {
  const target = Math.floor(Math.min(...groups.map((g) => Math.min(...g.sum.best))));
  if (groups.length < 2 || !(target > 0)) return null;
  const said = [];
  for (const [axis, word] of [
           ['seconds', 'soonest'], ['simulated', 'soonest on the simulated network'],
           ['bytes', 'with the fewest bytes']]) {
    const at = groups.map((g) => ({group: g, x: mean(g.runs.map((run) => reached(run, target, axis)))}))
                   .filter((p) => p.x > 0)
                   .sort((a, b) => a.x - b.x);
    if (at.length > 1)
      said.push([
        said.length ? ', ' : '', `${word} by `, named(at[0].group),
        ` (${kAxes[axis].format(at[0].x)}; last ${kAxes[axis].format(at.at(-1).x)})`
      ]);
  }
  return said.length ? el('p', {class: 'verdict'}, `All reach ${target} %: `, ...[].concat(...said), '.') : null;
}
