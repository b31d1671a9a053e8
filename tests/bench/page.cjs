// The status page with many kernels: node page.cjs URL TOKEN CHROMIUM DIRECTORY KERNELS SECONDS. Prints JSON.
const { drive } = require('../clients/browser.cjs');

const [url, token, executablePath, directory, kernels, seconds] = process.argv.slice(2);
drive(executablePath, `${directory}/page.png`, async page => {
  await page.goto(`${url}ui`);  // Chromium itself is warm
  const runs = [];
  for (let i = 0; i < 5; i++) {
    await page.goto(`${url}ui?token=${token}`);
    await page.locator('#count', { hasText: `${kernels} kernels` }).waitFor();
    runs.push(await page.evaluate(() => ({
      first: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      whole: performance.now(),
    })));
  }
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const busy = async () => (await session.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value;
  const before = await busy();
  await page.waitForTimeout(seconds * 1000);
  const share = (await busy() - before) / seconds;
  const median = name => runs.map(r => r[name]).sort((a, b) => a - b)[2];
  console.log(JSON.stringify({ first: median('first'), whole: median('whole'), share }));
});
