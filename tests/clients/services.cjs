// JupyterLab's client library against a Jupyter API: node services.cjs URL TOKEN KERNELSPEC [text-only]
// text-only leaves out binary buffers: a Jupyter server that is a gateway client reads every frame
// as UTF-8 (jupyter_server/gateway/connections.py), whatever the gateway.
// Every step asserts; the last line says that all were taken.
const assert = require('node:assert/strict');
const services = require('@jupyterlab/services');
const WebSocket = require('ws');

const [url, token, name, textOnly] = process.argv.slice(2);
const serverSettings = services.ServerConnection.makeSettings({
  baseUrl: url, wsUrl: url.replace('http', 'ws'), token, appendToken: true, WebSocket,
});

const step = text => console.log(text);

/** Resolves with the first value of `signal` for which `wanted` is true; rejects after 60 s. */
function until(signal, wanted, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited for ${what}`)), 60_000);
    const slot = (_, value) => {
      if (!wanted(value)) return;
      clearTimeout(timer);
      signal.disconnect(slot);
      resolve(value);
    };
    signal.connect(slot);
  });
}

/** What a cell prints, and its reply. */
async function run(kernel, code, onInput) {
  const future = kernel.requestExecute({ code, allow_stdin: !!onInput, stop_on_error: false });
  let text = '';
  future.onIOPub = m => { if (m.header.msg_type === 'stream') text += m.content.text; };
  if (onInput) future.onStdin = m => future.sendInputReply({ status: 'ok', value: onInput(m.content.prompt) }, m.header);
  const reply = await future.done;
  return { text, reply: reply.content };
}

async function main() {
  const specs = new services.KernelSpecManager({ serverSettings });
  await specs.ready;
  assert.ok(specs.specs.kernelspecs[name]);
  step('kernelspecs');

  const kernels = new services.KernelManager({ serverSettings });
  const sessions = new services.SessionManager({ kernelManager: kernels, serverSettings });
  await sessions.ready;
  const session = await sessions.startNew({ path: 'a.ipynb', name: 'a', type: 'notebook', kernel: { name } });
  const kernel = session.kernel;
  assert.equal((await kernel.info).status, 'ok');
  assert.equal((await run(kernel, 'print(6 * 7)')).text, '42\n');
  step('a session, and a cell');

  await session.setPath('b.ipynb');
  assert.equal((await services.SessionAPI.getSessionModel(session.id, serverSettings)).path, 'b.ipynb');
  step('the session renamed');

  const asked = await run(kernel, 'print("hello", input("who? "))', prompt => { assert.equal(prompt, 'who? '); return 'you'; });
  assert.match(asked.text, /hello you/);
  step('input');

  const sleeping = kernel.requestExecute({ code: 'import time\nprint("go", flush=True)\ntime.sleep(100)', stop_on_error: false });
  // A print() may come in pieces.
  await new Promise(resolve => { sleeping.onIOPub = m => { if (m.content.text?.startsWith('go')) resolve(); }; });
  await kernel.interrupt();
  assert.equal((await sleeping.done).content.ename, 'KeyboardInterrupt');
  step('interrupt');

  const heard = new Promise(resolve => kernel.registerCommTarget('back', (comm, open) => {
    comm.onMsg = m => resolve([open.content.data, m.content.data, m.buffers.map(b => Buffer.from(b.buffer ?? b).toString())]);
  }));
  const buffers = textOnly ? '[]' : '[b"\\xc3\\xa9"]';
  await run(kernel, [
    'from comm import create_comm',
    'from IPython import get_ipython',
    'received = []',
    'def target(comm, opened):',
    '    comm.on_msg(lambda m: received.append((m["content"]["data"], [bytes(b) for b in m["buffers"]])))',
    'get_ipython().kernel.comm_manager.register_target("there", target)',
    'back = create_comm(target_name="back", data={"a": 1})',
    `back.send({"b": 2}, buffers=${buffers})`].join('\n'));
  assert.deepEqual(await heard, [{ a: 1 }, { b: 2 }, textOnly ? [] : ['é']]);
  const comm = kernel.createComm('there');
  comm.open();
  comm.send({ c: 3 }, {}, textOnly ? [] : [new Uint8Array([1, 0, 255]).buffer]);
  assert.equal((await run(kernel, 'print(received)')).text, textOnly ? "[({'c': 3}, [])]\n" : "[({'c': 3}, [b'\\x01\\x00\\xff'])]\n");
  step('comms, both ways');

  const other = kernels.connectTo({ model: { id: kernel.id, name } });
  await run(kernel, 'shared = 5');
  assert.equal((await run(other, 'print(shared)')).text, '5\n');
  other.dispose();
  step('a second client of the same kernel');

  await kernel.reconnect();
  assert.equal((await run(kernel, 'print(shared)')).text, '5\n');
  step('reconnect');

  const restarted = until(kernel.connectionStatusChanged, s => s === 'connected', 'the restart');
  await kernel.restart();
  await restarted;
  assert.equal((await run(kernel, 'print("shared" in globals())')).text, 'False\n');
  step('restart');

  const told = until(kernel.statusChanged, s => s === 'autorestarting' || s === 'restarting', 'the crash to be told');
  kernel.requestExecute({ code: 'import os; os.abort()' }).done.catch(() => {});
  await told;
  await until(kernel.statusChanged, s => s === 'idle', 'idle after the crash');
  assert.equal((await run(kernel, 'print(1)')).text, '1\n');
  step('a crash, told, and life after it');

  assert.ok((await services.KernelAPI.listRunning(serverSettings)).some(k => k.id === kernel.id));
  await session.shutdown();
  assert.deepEqual(await services.KernelAPI.listRunning(serverSettings), []);
  assert.deepEqual(await services.SessionAPI.listRunning(serverSettings), []);
  step('shutdown');
}

main().then(() => { console.log('all steps taken'); process.exit(0); },
            problem => { console.error(problem); process.exit(1); });
