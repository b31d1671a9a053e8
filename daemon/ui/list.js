// The table of kernels: a row is touched only where something in it has changed.
import { watcher } from './api.js';
import { age } from './text.js';

const COLUMNS = [
  ['State', k => k.execution_state], ['Kernel', k => k.name], ['Owner', k => k.kmux.owner],
  ['Id', k => k.id], ['Clients', k => k.connections, true], ['Messages', k => k.kmux.seq, true],
  ['Restarts', k => k.kmux.restarts, true], ['Active', k => k.last_activity, true], ['Started', k => k.kmux.started, true],
];
const AGES = 15000;  // milliseconds; where nothing else has changed ages are written anew so often
const shown = { Active: age, Started: age };
const find = id => document.getElementById(id);

export class List {
  constructor() {
    this.poll = watcher('api/kernels');
    this.kernels = [];
    this.rows = new Map();
    this.drawn = 0;
    this.sort = { column: 'Active', down: true };
    find('filter').addEventListener('input', () => this.draw());
    for (const [name, , number] of COLUMNS) {
      const head = document.createElement('th');
      head.className = number ? 'number' : '';
      const button = head.appendChild(document.createElement('button'));
      button.textContent = name;
      button.addEventListener('click', () => {
        this.sort = { column: name, down: this.sort.column === name ? !this.sort.down : !!number };
        this.draw();
      });
      find('heads').append(head);
    }
  }

  async refresh() {
    const fresh = await this.poll();
    if (fresh) this.kernels = fresh;
    if (fresh || Date.now() - this.drawn > AGES) this.draw();
  }

  wanted() {
    const words = find('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = k => `${k.id} ${k.name} ${k.kmux.owner} ${k.execution_state}`.toLowerCase();
    const [, value] = COLUMNS.find(([name]) => name === this.sort.column);
    const sign = this.sort.down ? -1 : 1;
    return this.kernels.filter(k => words.every(w => text(k).includes(w)))
      .sort((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.id < b.id ? -1 : 1));
  }

  draw() {
    const kernels = this.wanted(), body = find('rows'), now = Date.now();
    this.drawn = now;
    const present = new Set(kernels.map(k => k.id));
    for (const [id, row] of this.rows) if (!present.has(id)) { row.remove(); this.rows.delete(id); }
    let before = null;
    for (const kernel of kernels) {
      let row = this.rows.get(kernel.id);
      if (!row) this.rows.set(kernel.id, row = this.make(kernel));
      this.fill(row, kernel, now);
      const place = before ? before.nextSibling : body.firstChild;
      if (place !== row) body.insertBefore(row, place);
      before = row;
    }
    find('count').textContent = kernels.length === this.kernels.length ? `${kernels.length} kernels`
      : `${kernels.length} of ${this.kernels.length} kernels`;
    find('none').hidden = this.kernels.length > 0;
    [...find('heads').children].forEach((head, i) =>
      head.setAttribute('aria-sort', COLUMNS[i][0] !== this.sort.column ? 'none' : this.sort.down ? 'descending' : 'ascending'));
  }

  make(kernel) {
    const row = document.createElement('tr');
    row.texts = [];  // what is written in its cells, which is quicker to look at
    for (const [name, , number] of COLUMNS) {
      const cell = row.appendChild(document.createElement('td'));
      cell.className = number ? 'number' : '';
      if (name === 'Id') cell.append(Object.assign(document.createElement('a'), { href: `#/kernel/${kernel.id}` }));
    }
    return row;
  }

  fill(row, kernel, now) {
    COLUMNS.forEach(([name, value], i) => {
      const text = name === 'Id' ? kernel.id.slice(0, 8) : String(shown[name] ? shown[name](value(kernel), now) : value(kernel) ?? '');
      if (row.texts[i] === text) return;
      row.texts[i] = text;
      const cell = row.children[i];
      (name === 'Id' ? cell.firstChild : cell).textContent = text;
      if (name === 'State') cell.className = `state-${kernel.execution_state}`;
    });
  }
}
