import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { withBrowser } from './browser.mjs';

export const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** When a page is there, and what to open on it that is not seen at first. */
const PAGES = {
  '/': { ready: 'main' },
  '/docs': {
    ready: '#reference[data-drawn]',
    more: (page) => page.locator('[id$="operation/createSalesOrder"]').first().getByRole('tab', { name: 'PHP' }).click(),
  },
  '/docs/signature': {
    ready: '#form',
    more: (page) => page.getByText('The request, for the forms that bind the body').click(),
  },
  '/docs/try': { ready: '#form' },
  '/dashboard': { ready: '.sign-in' },
  '/graphiql': {
    ready: '.graphiql-query-editor .monaco-editor .view-line',
    more: async (page) => {
      await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
      await page.getByRole('link', { name: 'Mutation' }).first().click();
    },
  },
};

/** By day and by night, on a screen and on a phone: readable, in one column where it is narrow. */
export async function canReadIt({ base }) {
  const found = [];
  await withBrowser(base, async (open) => {
    for (const colorScheme of ['light', 'dark']) {
      for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
        for (const [path, { ready, more }] of Object.entries(PAGES)) {
          // axe comes as a script of its own, which the pages' policy would not let in.
          const page = await open({ colorScheme, viewport, bypassCSP: true });
          await page.goto(base + path);
          await page.locator(ready).first().waitFor();
          const where = `${path} at ${viewport.width} px, ${colorScheme}`;
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          if (wide > viewport.width) found.push(`${where} is ${wide} px wide`);
          await page.addScriptTag({ path: AXE });
          found.push(...(await violations(page)).map((violation) => `${where}: ${violation}`));
          if (more) {
            await more(page);
            found.push(...(await violations(page)).map((violation) => `${where}, opened: ${violation}`));
          }
          await page.context().close();
        }
      }
    }
  });
  assert.deepEqual(found, []);
}

export function violations(page) {
  return page.evaluate(async () => {
    // GraphiQL's own tabs have their closing button within them.
    const { violations } = await globalThis.axe.run({ exclude: ['.graphiql-tabs'] }, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
      // Redoc's menu calls an entry by its title, without its method and without what is under it.
      rules: { 'label-content-name-mismatch': { enabled: false } },
    });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`));
  });
}

/** From the top of each page, the tab key alone leads to what the page is for. */
export async function canUseTheKeyboard({ base }) {
  await withBrowser(base, async (open) => {
    for (const [path, goal] of [
      ['/', 'a[href$="/docs/signature"]'],
      ['/docs', 'a[href$="/api/v1/openapi.json"]'],
      ['/docs/signature', 'button[type="submit"]'],
      ['/docs/try', 'button[name="only"]'],
      ['/dashboard', 'button[type="submit"]'],
      ['/graphiql', 'button.graphiql-execute-button'],
    ]) {
      const page = await open();
      await page.goto(base + path);
      await page.locator(PAGES[path].ready).first().waitFor();
      assert.ok(await tabTo(page, goal), `${goal} on ${path}`);
    }
  });
}

async function tabTo(page, goal) {
  for (let step = 0; step < 100; step += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((goal) => document.activeElement?.matches(goal), goal)) return true;
  }
  return false;
}

/** The watch that each scene is under does catch what it is there for. */
export async function isWatched({ base }) {
  for (const mischief of [
    () => console.error('something is wrong'),
    () => void fetch('http://127.0.0.1:9/').catch(() => undefined),
  ]) {
    const scene = withBrowser(base, async (open) => {
      const page = await open({ bypassCSP: true });
      await page.goto(base);
      const noticed = page.waitForEvent(String(mischief).includes('fetch') ? 'request' : 'console');
      await page.evaluate(mischief);
      await noticed;
    });
    await assert.rejects(scene, assert.AssertionError, String(mischief));
  }
}
