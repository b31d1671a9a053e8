// JupyterLab behind the Hub, its kernels in kmux: node lab.cjs HUB_URL USER CHROMIUM DIRECTORY
const { drive, notebook } = require('../clients/browser.cjs');

const [url, user, executablePath, directory] = process.argv.slice(2);
drive(executablePath, `${directory}/hub.png`, async page => {
  const { run, output, menu, ready, open } = notebook(page);

  await page.goto(`${url}hub/login?next=%2Fhub%2Fspawn`);
  await page.locator('#username_input').fill(user);
  await page.locator('#password_input').fill('pw');
  await page.locator('#login_submit').click();
  await page.waitForURL(new RegExp(`/user/${user}/`), { timeout: 120_000 });
  await page.goto(`${url}user/${user}/lab?reset`);
  await open();
  await ready();
  console.log('logged in, and a notebook');
  await run('print("answer", 6 * 7)');
  await output(/^answer 42/);
  console.log('a cell');
  await run('import time; print("started"); time.sleep(1000)');
  await output('started');
  await page.locator('.jp-Notebook').press('Escape');
  await menu('Kernel', 'Interrupt Kernel');
  await output('KeyboardInterrupt');
  console.log('interrupt');
  await page.goto(`${url}hub/logout`);
  await page.goto(`${url}user/${user}/lab`);
  await page.locator('#username_input').waitFor();
  console.log('logged out');
});
