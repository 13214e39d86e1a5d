import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter } from './dashboard.mjs';
import { colleague, partner } from './partner.mjs';

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

/** An order's events and those of a time are sent to an endpoint again, and what is under way is seen. */
export async function replaysWebhooks(stage) {
  await saveEndpoint(stage);
  const number = await (await partner(stage)).send();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, `/webhooks/${stage.clientId}/erp`, stage.administrator);
    const dialog = page.getByRole('dialog', { name: 'Send events again' });
    const send = () => dialog.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('button', { name: 'Send again …' }).click();
    await dialog.getByLabel('Order number').fill('4711');
    await send();
    await dialog.getByRole('alert').getByText('orderNumber').waitFor();
    await dialog.getByLabel('Order number').fill(number);
    await send();
    await dialog.waitFor({ state: 'hidden' });
    const underWay = page.getByRole('listitem').filter({ hasText: 'asked for' });
    await underWay.filter({ hasText: number }).getByText('0 taken, 0 not taken').waitFor();

    await page.getByRole('button', { name: 'Send again …' }).click();
    await dialog.getByLabel('Everything of a time').check();
    await dialog.getByLabel('From').fill('2026-01-02T10:00');
    await dialog.getByLabel('Before').fill('2026-01-02T09:00');
    await send();
    await dialog.getByRole('alert').getByText('must be later than since').waitFor();
    await dialog.getByLabel('Before').fill('');
    await send();
    await underWay.filter({ hasText: 'Several orders' }).waitFor();
    await page.getByRole('button', { name: 'Send again …' }).click();
    await dialog.getByLabel('One event').check();
    await dialog.getByLabel(/^Cursor/).fill('nonsense');
    await send();
    await dialog.getByRole('alert').getByText('event').waitFor();
    assert.equal(await underWay.count(), 2);

    await sendsTheEventOfAnAttempt(page, stage, number);

    // Who only looks has nothing to press.
    const own = await open();
    await enter(own, stage, `/webhooks/${stage.clientId}/erp`);
    await own.getByText('asked for').first().waitFor();
    assert.equal(await own.getByRole('button', { name: /^Send again/ }).count(), 0);
  });
}

/** The event of an attempt is sent again once, however often that is pressed. The attempt is made up: the endpoint takes none. */
async function sendsTheEventOfAnAttempt(page, stage, orderNumber) {
  const staff = await colleague(stage.base, stage.dashboard);
  const { salesOrderEvents } = await staff('{ salesOrderEvents(first: 1) { nodes { cursor } } }');
  const [{ cursor }] = salesOrderEvents.nodes;
  const outcome = { outcome: 'REFUSED', status: 500, excerpt: 'Not now', durationMs: 4, nextAttemptAt: null };
  const attempt = { cursor, orderNumber, attempt: 1, trigger: 'AUTO', at: '2026-01-02T10:00:00Z', ...outcome };
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let sent = 0;
  await page.route('**/graphql', async (route) => {
    const asked = route.request().postData() ?? '';
    if (asked.includes('webhookAttempts')) {
      const response = await route.fetch();
      const json = await response.json();
      json.data.webhookAttempts.nodes = [attempt];
      return route.fulfill({ response, json });
    }
    if (asked.includes('replayWebhookEvents')) {
      sent += 1;
      await held;
    }
    return route.continue();
  });
  await page.reload();
  const button = page.getByRole('button', { name: `Send the event of ${orderNumber} again` });
  await button.dblclick();
  await page.locator('button:disabled', { hasText: 'Send again' }).waitFor();
  release();
  await page.getByRole('status').getByText('The event is sent again').waitFor();
  await button.click({ trial: true });
  assert.equal(sent, 1);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
}
