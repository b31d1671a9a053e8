// A page in Chromium, for the scripts that work one as its user does.
const { chromium } = require('playwright-core');

/** Calls steps(page), and ends the process. Where a step fails, `picture` shows the page as it was then. */
exports.drive = async (executablePath, picture, steps) => {
  const browser = await chromium.launch({
    executablePath, headless: true, timeout: 120_000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  try {
    await steps(page);
  } catch (problem) {
    console.error(problem);
    await page.screenshot({ path: picture });
    process.exit(1);
  }
  await browser.close();
  console.log('all steps taken');
  process.exit(0);
};

/** What is done in a JupyterLab's notebook. */
exports.notebook = page => {
  const cells = page.locator('.jp-Notebook .jp-CodeCell');
  return {
    cells,
    /** Types into the last cell and runs it. */
    async run(code) {
      await cells.last().locator('.cm-content').click();
      await page.keyboard.insertText(code);
      await page.keyboard.press('Shift+Enter');
    },
    output: text => page.locator('.jp-OutputArea-output', { hasText: text }).last().waitFor(),
    async menu(name, item) {
      await page.locator('.lm-MenuBar-item', { hasText: name }).click();
      await page.locator('.lm-Menu-item', { hasText: item }).first().click();
    },
    /** JupyterLab drops what is run before it has a kernel, as its user sees and waits. */
    ready: () => page.locator('#jp-main-statusbar', { hasText: /\| Idle/ }).waitFor(),
    async open() {
      await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
      await cells.first().waitFor();
    },
  };
};
