// JupyterLab in a browser, as its user works it: node lab.cjs LAB_URL TOKEN CHROMIUM DIRECTORY [widgets]
// Where a step fails, a picture of the page is left in the directory.
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');

const [url, token, executablePath, directory, what] = process.argv.slice(2);
const step = text => console.log(text);

let page;

async function main() {
  const browser = await chromium.launch({
    executablePath, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  const cells = page.locator('.jp-Notebook .jp-CodeCell');

  /** Types into the last cell and runs it. */
  async function run(code) {
    await cells.last().locator('.cm-content').click();
    await page.keyboard.insertText(code);
    await page.keyboard.press('Shift+Enter');
  }
  const output = text => page.locator('.jp-OutputArea-output', { hasText: text }).last().waitFor();
  const menu = async (name, item) => {
    await page.locator('.lm-MenuBar-item', { hasText: name }).click();
    await page.locator('.lm-Menu-item', { hasText: item }).first().click();
  };
  /** JupyterLab drops what is run before it has a kernel, as its user sees and waits. */
  const ready = () => page.locator('#jp-main-statusbar', { hasText: /\| Idle/ }).waitFor();

  await page.goto(`${url}lab?token=${token}&reset`);
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  await cells.first().waitFor();
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
    await browser.close();
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
  await browser.close();
}

main().then(() => { console.log('all steps taken'); process.exit(0); },
            async problem => {
              console.error(problem);
              await page?.screenshot({ path: `${directory}/lab.png` });
              process.exit(1);
            });
