// What somebody waits for at the dashboard, in a real browser: the first paint, the overview, the list that is scrolled, and the memory of
// a tab that is open while orders come in.
//
//   node benches/pages.mjs BINARY [ORDERS] [EVENTS]      1000000 and 10000; PAGES_DATABASE_URL for PostgreSQL
//
// Browser, service and database share this machine. Making a million orders takes some minutes.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { withBrowser } from '../web/tests/browser.mjs';
import { partner } from '../web/tests/partner.mjs';

const [binary, orders = '1000000', events = '10000'] = process.argv.slice(2);
if (!binary) {
  console.error('usage: node benches/pages.mjs BINARY [ORDERS] [EVENTS]');
  process.exit(2);
}
/** Loads of a page that count. */
const LOADS = 15;
/** Partners that send side by side. */
const SENDERS = 8;
/** Milliseconds of scrolling. */
const SCROLLING = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'sales-order-pages.'));
const database = process.env.PAGES_DATABASE_URL ?? `sqlite://${folder}/orders.db`;
const environment = { PATH: process.env.PATH, SALES_ORDER_HTTP__DRAIN_DELAY: '0s', SALES_ORDER_LOG__FORMAT: 'json' };
const run = (...parameters) =>
  execFileSync(resolve(binary), ['--database-url', database, ...parameters], { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
    .toString().trim();
const started = [];
process.on('exit', () => {
  started.forEach((service) => service.kill('SIGKILL'));
  rmSync(folder, { recursive: true, force: true });
});

function start() {
  const service = spawn(resolve(binary), ['serve', '--listen', '127.0.0.1:0', '--database-url', database],
    { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(service);
  return new Promise((found, failed) => {
    let said = '';
    service.on('exit', () => failed(new Error('the service ended')));
    service.stdout.on('data', (chunk) => {
      said += chunk;
      const base = /listening on (http:\S+)/.exec(said)?.[1];
      if (base) found({ base, stop: () => new Promise((ended) => service.once('exit', ended) && service.kill('SIGTERM')) });
    });
  });
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const say = (what, values) =>
  console.log(`| ${what} | ${values.map((value) => value.toFixed(value < 10 ? 1 : 0)).join(' | ')} |`);

async function signIn(page, base, { clientId, secret }) {
  await page.goto(`${base}/dashboard`);
  await page.getByLabel('Client id').fill(clientId);
  await page.getByLabel('Client secret').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('[data-figure="today"]').waitFor();
}

/** Milliseconds until something was painted, and until there is what `ready` names. */
async function load(page, address, ready) {
  await page.goto(address);
  await page.locator(ready).first().waitFor();
  const there = await page.evaluate(() => performance.now());
  const painted = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  return { painted, there };
}

/** Scrolls as fast as frames come; gives the share of frames in which a part of the list had no row. */
const scroll = (page, milliseconds) =>
  page.evaluate(async (milliseconds) => {
    const box = document.querySelector('.rows');
    const { left, top, width, height } = box.getBoundingClientRect();
    const began = performance.now();
    let [frames, blank] = [0, 0];
    while (performance.now() - began < milliseconds) {
      await new Promise((frame) => requestAnimationFrame(frame));
      const parts = [0.2, 0.5, 0.9].map((part) => document.elementFromPoint(left + width / 2, top + height * part));
      frames += 1;
      if (parts.some((part) => !part?.closest('tr[aria-rowindex]'))) blank += 1;
      box.scrollTop += 200;
    }
    return { frames, blank, rows: Math.round(box.scrollTop / 34) };
  }, milliseconds);

async function heap(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  await devtools.detach();
  return usedSize / (1 << 20);
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
run('generate', '--orders', orders, '--days', '1000');
const secret = run('client', 'create', '--client-id', 'partner', '--name', 'P', '--scope', 'orders:create', '--public-key', 'key.pem');
const board = { clientId: 'board', secret: run('client', 'create', '--client-id', 'board', '--name', 'B', '--scope', 'orders:read') };

console.log(`${orders} orders, ${process.env.PAGES_DATABASE_URL ? 'PostgreSQL' : 'SQLite'}\n\n| | median | slowest |\n|---|---|---|`);
const cold = [];
for (let n = 0; n < 3; n += 1) {
  const service = await start();
  await withBrowser(service.base, async (open) => {
    const page = await open();
    await page.goto(`${service.base}/dashboard`);
    await page.getByLabel('Client id').fill(board.clientId);
    await page.getByLabel('Client secret').fill(board.secret);
    const began = performance.now();
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.locator('[data-figure="today"]').waitFor();
    await page.locator('.bars').first().waitFor();
    cold.push(performance.now() - began);
  });
  await service.stop();
}
say('service and browser just started: from *Sign in* to figures and chart (ms)', [median(cold), Math.max(...cold)]);

const { base } = await start();
await withBrowser(base, async (open) => {
  const page = await open();
  await signIn(page, base, board);
  for (const [name, path, ready] of [['overview', '', '.bars'], ['list of orders', '/orders', '.rows tbody tr[aria-rowindex]']]) {
    const loads = [];
    for (let n = 0; n < LOADS; n += 1) loads.push(await load(page, `${base}/dashboard${path}`, ready));
    say(`${name}: first paint (ms)`, [median(loads.map(({ painted }) => painted)), Math.max(...loads.map(({ painted }) => painted))]);
    say(`${name}: there (ms)`, [median(loads.map(({ there }) => there)), Math.max(...loads.map(({ there }) => there))]);
  }
  const { frames, blank, rows } = await scroll(page, SCROLLING);
  console.log(`\nScrolled for ${SCROLLING / 1000} s: ${rows} rows, ${frames} frames, ${blank} with a blank.`);

  await page.goto(`${base}/dashboard/orders`);
  await page.locator('.rows tbody tr[aria-rowindex]').first().waitFor();
  const sender = await partner({ base, clientId: 'partner', secret, privateKey });
  const held = [await heap(page)];
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const each = Math.ceil(Number(events) / 10 / SENDERS);
    const send = async () => {
      let last;
      for (let n = 0; n < each; n += 1) last = await sender.send();
      return last;
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    const last = await sender.send();
    await page.locator(`.rows tbody tr`, { hasText: last }).waitFor();
    held.push(await heap(page));
  }
  console.log(`Memory of the tab (MiB of objects) at first and after each tenth of ${events} orders that came in: ${held.map((size) => size.toFixed(1)).join(', ')}.`);
});
