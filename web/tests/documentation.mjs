import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

const drawn = (page) => page.locator('#reference[data-drawn]').waitFor();

/** Every operation, every error code, every language: the page shows what the description holds. */
export async function isWhole({ base, languages }) {
  const description = await (await fetch(`${base}/api/v1/openapi.json`)).json();
  await withBrowser(base, async (open) => {
    const page = await open();
    await page.goto(`${base}/docs`);
    await drawn(page);
    const text = await page.locator('#reference').innerText();
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const operation of Object.values(methods)) {
        assert.equal(
          await page.getByRole('heading', { name: operation.summary }).count(),
          1,
          `${operation.operationId} is shown once`,
        );
        const shown = page.locator(`[id$="operation/${operation.operationId}"]`);
        assert.ok((await shown.first().innerText()).includes(path), `${operation.operationId} shows its path`);
      }
    }
    for (const chapter of description.info.description.match(/^##? .*$/gm)) {
      assert.ok(text.includes(chapter.replace(/^#+ /, '')), `${chapter} is on the page`);
    }
    assert.equal(await page.getByRole('link', { name: 'Download' }).getAttribute('href'), '/api/v1/openapi.json');
    for (const name of ['createSalesOrder', 'salesOrderChanges', 'validateSalesOrder', 'cancelSalesOrder']) {
      const operation = page.locator(`[id$="operation/${name}"]`).first();
      for (const [label, source] of Object.entries(languages)) {
        await operation.getByRole('tab', { name: label, exact: true }).click();
        const shown = await operation.getByRole('tabpanel').filter({ visible: true }).first().innerText();
        assert.ok(shown.replace(/\s/g, '').includes(source.replace(/\s/g, '')), `${name}: the client in ${label} is whole`);
      }
    }
    // Beside the guide stands the same client, until the endpoints begin.
    const beside = page.getByRole('complementary', { name: 'A client to begin with' });
    await beside.getByLabel('Language').selectOption('Python');
    const sample = await beside.getByLabel('Client').innerText();
    assert.ok(sample.replace(/\s/g, '').includes(languages.Python.replace(/\s/g, '')), 'the client is whole');
    const [end, endpoints] = await page.evaluate(() => [
      document.querySelector('#beside').getBoundingClientRect().bottom,
      document.querySelector('[id^="tag/"]').getBoundingClientRect().top,
    ]);
    assert.ok(Math.abs(end - endpoints) < 2, `it ends at ${end}, endpoints begin at ${endpoints}`);
  });
}

/** The address in a problem's `type` leads to its line of the table. */
export async function explainsEachCode({ base, codes }) {
  await withBrowser(base, async (open) => {
    const page = await open();
    await page.goto(`${base}/docs#${codes[0]}`);
    await drawn(page);
    const row = page.locator('tr:target');
    assert.ok((await row.innerText()).includes(codes[0]));
    assert.ok(await row.evaluate((row) => row.getBoundingClientRect().top < window.innerHeight), 'it is in sight');
    for (const code of codes) {
      assert.ok((await page.locator(`tr#${code}`).innerText()).includes(code), `${code} has its line`);
    }
  });
}
