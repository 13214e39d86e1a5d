import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter } from './dashboard.mjs';

const asksForInstances = (request) => request.postData()?.includes('serviceInstances') ?? false;

/** Two instances, one of which takes orders in another currency. */
export async function showsEachInstance(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await page.clock.install();
    await enter(page, stage);
    await page.goto(`${stage.base}/dashboard/health`);
    const rows = page.locator('.instances tbody tr');
    const other = rows.filter({ hasText: `:${stage.otherPort}` });
    await other.waitFor();
    assert.equal(await rows.count(), 2);
    for (const row of await rows.all()) {
      const said = await row.innerText();
      assert.match(said, /runs/);
      assert.match(said, /core \d+ of \d+/);
      assert.match(said, /orders\.default_currency/);
    }
    await page.getByText(/configured differently in orders\.default_currency\./).waitFor();
    const again = page.waitForRequest(asksForInstances);
    await page.clock.runFor(16_000);
    await again;

    const reader = await open();
    await enter(reader, stage, '', stage.reader);
    await reader.goto(`${stage.base}/dashboard/health`);
    await reader.locator('.figure').waitFor();
    assert.equal(await reader.locator('.instances').count(), 0);
  });
}
