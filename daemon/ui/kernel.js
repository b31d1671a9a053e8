// One kernel's page: what it was asked, and what it says as it says it.
import { ask, lines, watcher } from './api.js';
import { age, ansi, span } from './text.js';

const MOST_PIECES = 5000;  // of output in the page; the journal has the rest
const find = id => document.getElementById(id);

export class Kernel {
  constructor(id) {
    this.id = id;
    this.path = `api/kernels/${encodeURIComponent(id)}`;
    this.poll = watcher(this.path);
    this.executions = watcher(`${this.path}/executions`);
    this.abort = new AbortController();
    this.last = 0;
    this.clearNext = false;
    find('output').replaceChildren();
    find('timings').replaceChildren();
    find('events').replaceChildren();
    for (const what of ['interrupt', 'restart', 'stop']) find(what).onclick = () => this.act(what);
    this.listening = this.listen();
  }

  close() { this.abort.abort(); }

  async refresh() {
    const model = await this.poll();
    if (model) {
      this.describe(model);
      await this.happened().catch(() => null);  // as for the requests
    }
    const executions = await this.executions().catch(() => null);
    if (executions) this.plot(executions);
  }

  describe(k) {
    find('title').textContent = `${k.name} ${k.id}`;
    find('title').className = `state-${k.execution_state}`;
    const facts = {
      State: k.execution_state, Owner: k.kmux.owner, Process: k.kmux.pid ?? '', Clients: k.connections,
      Messages: k.kmux.seq, Journal: k.kmux.journal, Heartbeat: k.kmux.heartbeat, Restarts: k.kmux.restarts,
      Started: `${k.kmux.started} (${age(k.kmux.started)} ago)`, Active: `${age(k.last_activity)} ago`,
    };
    find('facts').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [
      Object.assign(document.createElement('dt'), { textContent: name }),
      Object.assign(document.createElement('dd'), { textContent: value }),
    ]));
    const exit = k.kmux.exit;
    find('last-death').hidden = !exit;
    if (exit) find('last-death').textContent = `Last death: ${exit.detail || exit.cause}\n${exit.stderr_tail || ''}`;
    find('interrupt').disabled = !k.kmux.pid;
  }

  /** Its last events: they come with a change of the model. */
  async happened() {
    const events = [];
    await lines(`api/events?kernel=${encodeURIComponent(this.id)}&limit=10`, this.abort.signal, e => events.push(e));
    find('events').replaceChildren(...events.map(({ number, time, event, kernel, owner, ...more }) => Object.assign(document.createElement('li'), {
      textContent: `${age(time)} ago: ${event} ${Object.entries(more).map(([name, value]) => `${name}=${value}`).join(' ')}`, title: `${number}, ${time}`,
    })));
  }

  /** A bar for each request: how long it waited, how long it ran, the newest at the right. */
  plot(executions) {
    const svg = find('timings'), shown = executions.slice(-60), height = 90, width = 1000;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    const time = iso => (iso ? Date.parse(iso) : Date.now());
    const bars = shown.map(e => ({
      waited: e.submitted ? Math.max(0, time(e.started) - time(e.submitted)) : 0,
      ran: e.started ? Math.max(0, time(e.ended) - time(e.started)) : 0,
      failed: e.status === 'error' || e.status === 'died', status: e.status,
    }));
    // Times differ by orders of magnitude, and each must be seen.
    const scale = ms => Math.log10(1 + ms), most = Math.max(...bars.map(b => scale(b.waited + b.ran)), 0.1);
    const step = width / 60;
    svg.replaceChildren(...bars.flatMap((bar, i) => {
      const all = height * scale(bar.waited + bar.ran) / most, x = width - step * (bars.length - i);
      const waited = all * bar.waited / Math.max(bar.waited + bar.ran, 1e-9);
      const rect = (kind, y, h) => {
        const out = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
        for (const [name, value] of Object.entries({ class: kind, x, y, width: step * .8, height: Math.max(h, kind === 'waited' ? 0 : 1) })) out.setAttribute(name, value);
        out.append(Object.assign(document.createElementNS('http://www.w3.org/2000/svg', 'title'),
          { textContent: `${bar.status}: waited ${span(bar.waited)}, ran ${span(bar.ran)}` }));
        return out;
      };
      return [rect(bar.failed ? 'failed' : 'ran', height - all + waited, all - waited), rect('waited', height - all, waited)];
    }));
  }

  async listen() {
    while (!this.abort.signal.aborted) {
      try {
        await lines(`${this.path}/messages?follow=1&channel=iopub&after=${this.last}`, this.abort.signal, m => this.take(m));
      } catch (problem) {
        if (this.abort.signal.aborted || problem.status === 404 || problem.status === 403) return;
      }
      await new Promise(done => setTimeout(done, 1000));
    }
  }

  take(message) {
    this.last = message.seq ?? this.last;
    const type = message.header?.msg_type, c = message.content || {};
    if (type === 'clear_output') { this.clearNext = true; if (!c.wait) this.clear(); return; }
    if (type === 'execute_input') return this.append(`In [${c.execution_count}]: ${c.code}\n`, ['code']);
    if (type === 'stream') return this.append(c.text, [c.name]);
    if (type === 'error') return this.append(`${(c.traceback || [`${c.ename}: ${c.evalue}`]).join('\n')}\n`, ['stderr']);
    if (type === 'display_data' || type === 'execute_result') this.show(c.data || {});
  }

  clear() { this.clearNext = false; find('output').replaceChildren(); }

  show(data) {
    for (const kind of ['image/png', 'image/jpeg', 'image/gif']) {
      if (typeof data[kind] !== 'string' || !/^[A-Za-z0-9+/=\s]*$/.test(data[kind])) continue;
      return this.add(Object.assign(document.createElement('img'), { src: `data:${kind};base64,${data[kind].replace(/\s/g, '')}`, alt: data['text/plain'] || kind }));
    }
    this.append(`${data['text/plain'] ?? Object.keys(data).join(', ')}\n`, []);
  }

  append(text, classes) {
    for (const piece of ansi(String(text))) {
      this.add(Object.assign(document.createElement('span'), { textContent: piece.text, className: [...classes, ...piece.classes].join(' ') }));
    }
  }

  add(node) {
    const output = find('output');
    if (this.clearNext) this.clear();
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
    output.append(node);
    while (output.childNodes.length > MOST_PIECES) output.firstChild.remove();
    if (atEnd) output.scrollTop = output.scrollHeight;
  }

  async act(what) {
    const questions = { restart: 'Start this kernel anew? What it holds in memory goes.', stop: 'End this kernel? What it holds in memory goes.' };
    if (questions[what] && !(await confirmed(questions[what]))) return;
    if (what === 'stop') await ask(this.path, { method: 'DELETE' });
    else await ask(`${this.path}/${what}`, { method: 'POST' });
    if (what === 'stop') location.hash = '#/';
  }
}

function confirmed(question) {
  const dialog = find('confirm');
  find('question').textContent = question;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
}
