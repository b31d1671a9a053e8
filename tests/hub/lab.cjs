// JupyterLab behind the Hub, its kernels in kmux: node lab.cjs HUB_URL USER CHROMIUM DIRECTORY
const { chromium } = require('playwright-core');

const [url, user, executablePath, directory] = process.argv.slice(2);
let page;

async function main() {
  const browser = await chromium.launch({
    executablePath, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const cells = page.locator('.jp-Notebook .jp-CodeCell');
  async function run(code) {
    await cells.last().locator('.cm-content').click();
    await page.keyboard.insertText(code);
    await page.keyboard.press('Shift+Enter');
  }
  const output = text => page.locator('.jp-OutputArea-output', { hasText: text }).last().waitFor();

  await page.goto(`${url}hub/login?next=%2Fhub%2Fspawn`);
  await page.locator('#username_input').fill(user);
  await page.locator('#password_input').fill('pw');
  await page.locator('#login_submit').click();
  await page.waitForURL(new RegExp(`/user/${user}/`), { timeout: 120_000 });
  await page.goto(`${url}user/${user}/lab?reset`);
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  await cells.first().waitFor();
  await page.locator('#jp-main-statusbar', { hasText: /\| Idle/ }).waitFor();
  console.log('logged in, and a notebook');
  await run('import getpass; print("answer", 6 * 7)');
  await output(/^answer 42/);
  console.log('a cell');
  await run('import time; print("started"); time.sleep(1000)');
  await output('started');
  await page.locator('.jp-Notebook').press('Escape');
  await page.locator('.lm-MenuBar-item', { hasText: 'Kernel' }).click();
  await page.locator('.lm-Menu-item', { hasText: 'Interrupt Kernel' }).first().click();
  await output('KeyboardInterrupt');
  console.log('interrupt');
  await page.goto(`${url}hub/logout`);
  await page.goto(`${url}user/${user}/lab`);
  await page.locator('#username_input').waitFor();
  console.log('logged out');
  await browser.close();
}

main().then(() => { console.log('all steps taken'); process.exit(0); },
            async problem => {
              console.error(problem);
              await page?.screenshot({ path: `${directory}/hub.png` });
              process.exit(1);
            });
