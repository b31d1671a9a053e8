// The status page in a browser: node ui.cjs URL TOKEN CHROMIUM DIRECTORY KERNEL
// Pictures of it are left in the directory.
const assert = require('node:assert/strict');
const { drive } = require('./browser.cjs');

const [url, token, executablePath, directory, kernel] = process.argv.slice(2);
drive(executablePath, `${directory}/ui.png`, async page => {
  const problems = [], foreign = [];
  let stopping = false;
  // The page may look at a kernel that has just gone.
  const expected = m => m.text().includes('401') || (stopping && m.text().includes('404') && m.location().url.includes(kernel));
  page.on('console', m => { if (m.type() === 'error' && !expected(m)) problems.push(m.text()); });
  page.on('pageerror', e => problems.push(String(e)));
  page.on('request', r => { if (!r.url().startsWith(url) && !r.url().startsWith('data:')) foreign.push(r.url()); });
  const row = id => page.locator('#rows tr', { hasText: id.slice(0, 8) });

  await page.goto(`${url}ui`);
  await page.locator('#token').fill(token);
  await page.locator('#token-form button').click();
  await row(kernel).waitFor();
  assert(!page.url().includes(token));
  await page.goto(`${url}ui?token=${token}`);
  await row(kernel).waitFor();
  assert(!page.url().includes(token), 'the token stays out of the address');
  console.log('the list, by a token typed or given');

  await page.screenshot({ path: `${directory}/list.png` });
  await page.keyboard.press('/');
  await page.keyboard.type('nothing like this');
  await page.locator('#count', { hasText: '0 of' }).waitFor();
  await page.locator('#filter').fill(kernel.slice(0, 8));
  await row(kernel).waitFor();
  await page.locator('#filter').fill('');
  await page.locator('#heads button', { hasText: 'Owner' }).click();
  await page.locator('#heads th[aria-sort="ascending"]', { hasText: 'Owner' }).waitFor();
  console.log('filter and order');

  await row(kernel).locator('a').focus();
  await page.keyboard.press('Enter');
  await page.locator('#output', { hasText: 'before anybody looked' }).waitFor();
  await page.locator('#output .fg1', { hasText: 'red' }).waitFor();
  const picture = page.locator('#output img');
  await picture.waitFor();
  assert.equal(await picture.evaluate(async i => { await i.decode(); return i.naturalWidth; }), 1);
  assert.equal(await page.locator('#output b').count(), 0, 'HTML of a kernel is text');
  await page.locator('#timings rect').first().waitFor({ state: 'attached' });
  await page.screenshot({ path: `${directory}/kernel.png` });
  console.log('what it has said, with colours and pictures');

  await page.locator('#events li', { hasText: 'kernel_launched spec=python3' }).waitFor();
  await page.locator('#events li', { hasText: 'client_connected' }).waitFor();
  console.log('what has happened to it');

  await page.locator('#title.state-busy').waitFor();
  await page.locator('#interrupt').click();
  await page.locator('#output', { hasText: 'KeyboardInterrupt' }).waitFor();
  await page.locator('#title.state-idle').waitFor();
  console.log('interrupt');

  await page.locator('#restart').click();
  await page.locator('#confirm button[value=no]').click();
  await page.locator('#stop').click();
  await page.keyboard.press('Escape');
  await page.locator('#title.state-idle').waitFor();
  await page.locator('#stop').click();
  stopping = true;
  await page.locator('#confirm button[value=yes]').click();
  await page.locator('#none').waitFor();
  console.log('stop, which asks first');

  await page.emulateMedia({ colorScheme: 'dark' });
  const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(back, 'rgb(255, 255, 255)');
  await page.screenshot({ path: `${directory}/dark.png` });
  assert.deepEqual(foreign, []);
  assert.deepEqual(problems, []);
});
