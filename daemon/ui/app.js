// Which page is shown, and how often it is looked at.
import { ask, setToken, takeToken } from './api.js';
import { Kernel } from './kernel.js';
import { List } from './list.js';

const PAUSE = 2000;  // milliseconds between two looks
const find = id => document.getElementById(id);
let list, kernel, timer;

function show(page) {
  for (const each of ['list', 'one', 'login']) find(each).hidden = each !== page;
}

async function look() {
  clearTimeout(timer);
  try {
    if (!document.hidden) await (kernel ?? list).refresh();
    find('trouble').textContent = '';
  } catch (problem) {
    if (problem.status === 401) return show('login');
    find('trouble').textContent = problem.status === 404 ? 'This kernel is gone.' : problem.message;
  }
  timer = setTimeout(look, PAUSE);
}

function route() {
  kernel?.close();
  const wanted = location.hash.match(/^#\/kernel\/(.+)$/);
  kernel = wanted ? new Kernel(decodeURIComponent(wanted[1])) : null;
  show(kernel ? 'one' : 'list');
  return look();
}

async function begin() {
  try {
    const me = await (await ask('api/me')).json();
    find('who').textContent = `${me.identity.username} · ${me.kmux.scopes}`;
  } catch (problem) {
    if (problem.status === 401) return show('login');
    find('trouble').textContent = problem.message;
  }
  await route();
}

takeToken();
list = new List();
window.addEventListener('hashchange', route);
window.addEventListener('unhandledrejection', event => { find('trouble').textContent = event.reason?.message ?? String(event.reason); });
document.addEventListener('visibilitychange', () => { if (!document.hidden && find('login').hidden) look(); });
document.addEventListener('keydown', event => {
  if (event.key === '/' && !find('list').hidden && event.target.tagName !== 'INPUT') { event.preventDefault(); find('filter').focus(); }
  if (event.key === 'Escape' && kernel && !find('confirm').open) location.hash = '#/';
});
find('token-form').addEventListener('submit', event => { event.preventDefault(); setToken(find('token').value); begin(); });
begin();
