// A headless Chromium that keeps watch: whatever a page says in its console or asks another host is a failure.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function executable() {
  const script = fileURLToPath(new URL('../../scripts/chromium.sh', import.meta.url));
  return execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/**
 * Opens windows on the service at `base` for as long as `work` takes; then nothing may have gone wrong in any, but for what
 * the scene brings about itself: `expected`.
 */
export async function withBrowser(base, work, expected = /^$/) {
  // A profile of its own, new and empty, is what the driver starts each browser with.
  const browser = await chromium.launch({ executablePath: executable(), args: FLAGS });
  const wrong = [];
  try {
    await work(async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      // A deadline, not a pace: a machine that does much else at the same time is slow.
      page.setDefaultTimeout(60_000);
      watch(page, base, wrong);
      return page;
    });
  } finally {
    await browser.close();
  }
  assert.deepEqual(wrong.filter((message) => !expected.test(message)), []);
}

function watch(page, base, wrong) {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(`${page.url()} says: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`${page.url()} throws: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && !/^(data|blob):/.test(url)) wrong.push(`${page.url()} asks ${url}`);
  });
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== new URL(base).host) wrong.push(`${page.url()} connects to ${socket.url()}`);
  });
}

/** What the page keeps beyond its own life. */
export function kept(page) {
  return page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const stored = [localStorage, sessionStorage].flatMap((storage) => Object.entries({ ...storage }).flat());
    return [...stored, document.cookie, ...databases.map(({ name }) => name ?? '')].join('\n');
  });
}
