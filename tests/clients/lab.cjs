// JupyterLab in a browser, as its user works it: node lab.cjs LAB_URL TOKEN CHROMIUM DIRECTORY [widgets | killed]
// Where a step fails, a picture of the page is left in the directory.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { drive, notebook } = require('./browser.cjs');

const [url, token, executablePath, directory, what] = process.argv.slice(2);
const step = text => console.log(text);

drive(executablePath, `${directory}/lab.png`, async page => {
  const { cells, run, output, menu, ready, open } = notebook(page);

  await page.goto(`${url}lab?token=${token}&reset`);
  await open();
  await ready();
  await run('kept = 41; print("answer", kept + 1)');
  await output(/^answer 42/);
  step('a cell');

  if (what === 'widgets') {
    await run('import ipywidgets; slider = ipywidgets.IntSlider(value=3); slider');
    const handle = page.locator('.jp-Notebook .noUi-handle').first();
    await handle.focus();
    await handle.press('ArrowRight');
    await run('print("slider", slider.value)');
    await output(/^slider 4/);
    step('a slider changes a value in Python');
    await run('import asyncio\nprint("waits")\nwhile slider.value < 6: await asyncio.sleep(0.02)\nprint("moved to", slider.value)');
    await output('waits');
    await handle.focus();
    await handle.press('ArrowRight');
    await handle.press('ArrowRight');
    await output(/moved to 6/);
    step('and while a cell awaits it');
    return;
  }

  if (what === 'killed') {
    await run('import time\nfor i in range(120): print("line", i, flush=True); time.sleep(0.05)\nprint("the end")');
    await output(/line 20\n/);
    fs.writeFileSync(`${directory}/now`, '');  // who sees this kills kmuxd, and starts it again
    await output(/the end/);
    const text = await page.locator('.jp-OutputArea-output', { hasText: 'the end' }).last().innerText();
    const lines = text.trim().split('\n').map(line => line.trim());
    const wanted = [...Array(120).keys()].map(i => `line ${i}`).concat('the end');
    // What was on its way may come twice, and only that: it goes on from there or from before.
    let cut = 0;
    while (cut < lines.length && lines[cut] === wanted[cut]) ++cut;
    const rest = lines.slice(cut);
    assert(rest.length >= wanted.length - cut, `${lines.length} lines`);
    assert.deepEqual(rest, wanted.slice(wanted.length - rest.length));
    await run('print("answered", kept + 1)');
    await output(/^answered 42/);
    step('the output of a cell is whole, though kmuxd was killed in the middle');
    return;
  }

  await run('import time; print("started"); time.sleep(1000)');
  await output('started');
  await page.locator('.jp-Notebook').press('Escape');
  await menu('Kernel', 'Interrupt Kernel');
  await output('KeyboardInterrupt');
  step('interrupt');

  await Promise.all([
    page.waitForResponse(r => r.request().method() === 'PUT' && r.url().includes('/api/contents/')),
    menu('File', 'Save Notebook').then(() => page.locator('.jp-Dialog .jp-mod-accept').click()),  // keeps its name
  ]);
  await page.goto(`${url}lab?token=${token}`);
  await cells.first().waitFor();
  await ready();
  await run('print("still", kept)');
  await output(/^still 41/);
  step('the page reloaded: the same kernel');

  await menu('Kernel', 'Restart Kernel…');
  await page.locator('.jp-Dialog .jp-mod-accept').click();
  await run('print("fresh", "kept" not in globals())');
  await output(/^fresh True/);
  step('restart');
});
