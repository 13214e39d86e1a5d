import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter } from './dashboard.mjs';

const MOST = 10_000;
const BATCH = 400;
const HEIGHT = 34;

const name = (index) => `SO-${String(index).padStart(10, '0')}`;

function made(index) {
  const at = new Date(Date.UTC(2030, 0, 1) + index * 1000).toISOString().replace('Z', '000Z');
  return {
    id: name(index), orderNumber: name(index), status: 'RECEIVED', version: 1, clientId: 'partner', customerCode: 'CUST-001',
    siteCode: 'SITE-001', salesName: 'John Doe', partnerReference: null, requestedDeliveryDate: null, currency: 'IDR',
    totalQuantity: 1, totalAmount: '1', createdAt: at, updatedAt: at,
  };
}

/** More orders come in than a tab should hold: the oldest rows go, and a screen reader is not talked over. */
export async function holdsNoMoreThanItShould(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    // A feed that goes on behind the cursor it is asked for, whatever becomes of a connection.
    let told = 0;
    let send = () => undefined;
    await page.routeWebSocket(/graphql\/ws/, (socket) => {
      const say = (message) => socket.send(JSON.stringify(message));
      socket.onMessage((text) => {
        const { type, id, payload } = JSON.parse(text);
        if (type === 'connection_init') say({ type: 'connection_ack' });
        if (type === 'ping') say({ type: 'pong' });
        if (type !== 'subscribe') return;
        send = (index) => {
          const event = { cursor: name(index), kind: 'CREATED', orderNumber: name(index), createdAt: made(index).createdAt };
          const salesOrderEventBatches = { nodes: [event], nextCursor: event.cursor };
          say({ type: 'next', id, payload: { data: { salesOrderEventBatches } } });
        };
        const { after } = payload.variables;
        for (let index = after ? Number(after.slice(3)) + 1 : 0; index < told; index += 1) send(index);
      });
    });
    await page.route('**/graphql', (route) => {
      const { query, variables } = route.request().postDataJSON();
      if (!query.startsWith('query Orders(')) return route.continue();
      const numbers = variables.where?.orderNumber?.in ?? [];
      const edges = numbers.map((number) => ({ cursor: number, node: made(Number(number.slice(3))) }));
      return route.fulfill({ json: { data: { salesOrders: { edges, pageInfo: { hasNextPage: false } } } } });
    });
    await enter(page, stage, '/orders');
    await page.getByText('No order meets every condition.').waitFor();
    await page.evaluate(() => {
      globalThis.spoken = [];
      const status = document.querySelector('.unseen[role="status"]');
      new MutationObserver(() => globalThis.spoken.push(performance.now())).observe(status, { childList: true, characterData: true, subtree: true });
    });
    const rows = MOST + BATCH;
    for (let sent = 0; sent < rows; sent += BATCH) {
      for (; told < sent + BATCH; told += 1) send(told);
      await page.getByRole('link', { name: name(sent + BATCH - 1) }).waitFor();
    }
    const height = await page.locator('.rows').evaluate((box) => box.scrollHeight);
    assert.equal(Math.round(height / HEIGHT), MOST + 1, 'ten thousand rows and their heading');
    await page.locator('.rows').evaluate((box) => box.scrollTo({ top: box.scrollHeight }));
    await page.getByRole('link', { name: name(BATCH) }).waitFor();
    assert.ok((await page.locator('.rows tr').count()) < 100, 'only what is in sight is drawn');
    await page.setViewportSize({ width: 390, height: 844 });
    const amount = page.getByRole('columnheader', { name: 'Amount' });
    assert.ok((await amount.boundingBox()).width > 80, 'on a phone too the columns share the whole width');
    const spoken = await page.evaluate(() => globalThis.spoken);
    assert.ok(spoken.length > 0);
    for (const [index, at] of spoken.entries()) {
      if (index > 0) assert.ok(at - spoken[index - 1] > 4_500, `${at - spoken[index - 1]} ms`);
    }
  });
}
