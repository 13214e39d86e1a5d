import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter } from './dashboard.mjs';
import { colleague } from './partner.mjs';

/** An endpoint that nobody can reach. */
export async function saveEndpoint(stage) {
  const administrator = await colleague(stage.base, stage.administrator);
  await administrator(
    `mutation { saveWebhookEndpoint(name: "erp", clientId: "${stage.clientId}", input: {url: "https://erp.invalid/orders"}) { secret } }`,
  );
}

/** Who looks after clients finds the partner, its key and what was changed about it. */
export async function showsPartnersAndWhatWasChanged(stage) {
  const administrator = await colleague(stage.base, stage.administrator);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/partners', stage.administrator);
    const partner = page.getByRole('row', { name: new RegExp(stage.clientId) });
    await partner.getByText('1 active').waitFor();
    await partner.getByRole('link', { name: stage.clientId }).click();
    await page.getByRole('region', { name: 'Keys of the client' }).getByText(stage.fingerprint).waitFor();
    await page.getByRole('row', { name: /Client created/ }).waitFor();

    await administrator(`mutation { disableClient(input: {clientId: "${stage.reader.clientId}"}) { status } }`);
    await page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name: 'Audit log' }).click();
    const entry = page.getByRole('row', { name: /Client disabled/ });
    await entry.getByText(stage.reader.clientId).waitFor();
    await entry.getByText(stage.administrator.clientId).waitFor();
    await page.getByLabel('Client', { exact: true }).fill(stage.clientId);
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/client_id=/);
    await entry.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Client created/ }).waitFor();
  });
}

/** An endpoint that cannot be reached: a test says why, and the log keeps it. */
export async function testsAnEndpoint(stage) {
  await saveEndpoint(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/webhooks', stage.administrator);
    const endpoint = page.getByRole('row', { name: /erp/ });
    await endpoint.getByText('Pending').waitFor();
    await endpoint.getByRole('link', { name: 'erp' }).click();
    await page.getByText('No attempt is in the log.').waitFor();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByRole('status').getByText(/^(DNS|Connection|Postponed|Timeout) after/).waitFor();
    await page.getByRole('region', { name: 'Attempts' }).getByText('Test', { exact: true }).waitFor();

    // Who may only read orders has no endpoint here, and nothing to press.
    const own = await open();
    await enter(own, stage, '/webhooks', stage.reader);
    await own.getByText('Nobody has an endpoint.').waitFor();
    await own.goto(`${stage.base}/dashboard/webhooks/${stage.clientId}/erp`);
    await own.getByRole('alert').getByText('it needs the scope clients:read').waitFor();
    assert.equal(await own.getByRole('button', { name: 'Send a test' }).count(), 0);
  });
}
