'use strict';
// Elements, and numbers as text. Text from files enters the page as text nodes and attributes only, never as HTML.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (name.startsWith('on'))
      made.addEventListener(name.slice(2), value);
    else if (value === true)
      made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const kNone = '–';
const isNumber = (x) => typeof x === 'number' && isFinite(x);
const signed = (text) => text.replace('-', '−');
const orNone = (format) => (x) => (isNumber(x) ? signed(format(x)) : kNone);

const fixed = (digits) => orNone((x) => x.toFixed(digits));
const percent = fixed(2);
const whole = orNone((x) => Math.round(x).toLocaleString('en').replace(/,/g, ' '));
// Three significant digits, without an exponent where the number is of a common size.
const short = orNone((x) => {
  if (x === 0) return '0';
  const size = Math.abs(x);
  return size >= 1e-4 && size < 1e6 ? String(+x.toPrecision(3)) : x.toExponential(1);
});
const bytes = orNone((x) => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  for (; Math.abs(x) >= 999.5 && unit < units.length - 1; ++unit) x /= 1000;
  return `${+ x.toPrecision(3)} ${units[unit]}`;
});
const two = (x) => String(Math.floor(x)).padStart(2, '0');
const duration = orNone((s) => {
  if (s < 1) return `${+ (s * 1000).toPrecision(3)} ms`;
  if (s < 100) return `${+ s.toPrecision(3)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${two((s % 86400) / 3600)} h`;
});

// Local time of a number of seconds since 1970.
const clock = (seconds) => {
  const at = new Date(seconds * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${
      two(at.getMinutes())}`;
};

// Ticks of time in units in which people count; d3 would give 200, 400, ... seconds.
function durationTicks(scale, count) {
  const [low, high] = scale.domain();
  const steps =
      [0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const step = steps.find((s) => (high - low) / s <= count) || 86400 * Math.ceil((high - low) / count / 86400);
  return d3.range(Math.ceil(low / step) * step, high + step * 1e-6, step);
}
const durationTick = (s) =>
    (s >= 7200 && s % 3600 === 0 ? `${s / 3600} h` :
         s >= 120 && s % 60 === 0 ? `${s / 60} min` :
         s < 1 && s > 0 ? `${Math.round(s * 1000)} ms` :
                          `${+ s.toFixed(3)} s`);
