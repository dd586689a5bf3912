// Where a server gives the facts (skein view): their renewal.
function showState(text, lost) {
  const line = document.getElementById('state');
  line.classList.toggle('lost', lost);
  line.replaceChildren(el('span', {class: 'dot'}), text);
}

// Asks for newer facts; the server answers 204 where nothing has changed. Returns the milliseconds of drawing them.
async function ask() {
  const address = new URL('facts.json', location.href);
  address.search = new URLSearchParams(
      {...Object.fromEntries(new URLSearchParams(location.search)), have: facts ? facts.digest : ''});
  const answer = await fetch(address, {cache: 'no-store'});
  if (answer.status !== 200 && answer.status !== 204) throw new Error(`the server answered ${answer.status}`);
  const begin = performance.now();
  if (answer.status === 200) {
    facts = await answer.json();
    draw();
  }
  const running = facts.runs.filter((run) => run.status === 'running').length;
  showState(running ? `live, ${running} running` : 'live, none running', false);
  return performance.now() - begin;
}

// A chart whose numbers are being read, or an open list, is not drawn anew.
const kInUse = '.plot:hover, .plot:focus-visible, .layers:hover, .layers:focus-visible' + (CSS.supports('selector(select:open)') ? ', select:open' : '');

// Asks again every second while the page is visible; more seldom where drawing would take over a tenth of the time.
async function renew() {
  let drawing = 0;
  if (document.querySelector(kInUse))
    showState('live, waits while a chart is read', false);
  else if (!document.hidden)
    try {
      drawing = await ask();
    } catch (e) {
      showState(`no longer live: ${e instanceof TypeError ? 'skein view has ended' : e.message}`, true);
    }
  setTimeout(renew, Math.max(1000, 10 * drawing));
}
