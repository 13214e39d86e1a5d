import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter } from './dashboard.mjs';
import { partner } from './partner.mjs';

const log = (page) => page.getByRole('region', { name: 'Requests', exact: true });
const row = (page, text) => log(page).getByRole('row').filter({ hasText: text });
const WRONG = [{ product_code: 'HD9650', quantity: 0 }];

/** A refused order comes without a reload, and whoever has the id of the request reads what was wrong with it. */
export async function findsWhyAnOrderWasRefused(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/requests?code=VALIDATION_FAILED');
    await page.getByText('No request meets every condition.').waitFor();
    const requestId = await sender.fail({ partner_reference: 'PO-4711', products: WRONG });
    await row(page, 'PO-4711').getByText('400 VALIDATION_FAILED').waitFor();
    const other = await sender.fail({ partner_reference: 'PO-4712', products: WRONG });
    await row(page, 'PO-4712').waitFor();

    await page.getByLabel('Request id').fill(requestId);
    await page.keyboard.press('Enter');
    await page.waitForURL(/request_id=/);
    await row(page, 'PO-4712').waitFor({ state: 'detached' });
    await page.reload();
    await row(page, 'PO-4711').waitFor();
    assert.equal(await page.getByLabel('Request id').inputValue(), requestId);
    assert.equal(await row(page, 'PO-4712').count(), 0);
    await page.getByRole('button', { name: 'Take out: Code VALIDATION_FAILED' }).waitFor();

    await row(page, 'PO-4711').getByRole('link').first().click();
    await page.getByRole('heading', { name: `Request ${requestId}` }).waitFor();
    const fault = page.getByRole('region', { name: 'Faulty fields' }).getByRole('row').filter({ hasText: '/products/0/quantity' });
    await fault.waitFor();
    const body = await page.getByLabel('Body of the request').innerText();
    assert.ok(body.includes('PO-4711') && !body.includes('Sudirman'), body);
    assert.equal(await page.getByRole('link', { name: 'VALIDATION_FAILED' }).getAttribute('href'), '/docs#VALIDATION_FAILED');

    await page.getByRole('link', { name: 'About the client' }).click();
    await page.getByText('of the last').waitFor();

    // What became an order leads to it, and the order to its requests.
    const number = await sender.send({ partner_reference: 'PO-4713' });
    await page.getByRole('link', { name: 'Request log' }).first().click();
    await row(page, 'PO-4713').getByRole('link', { name: number }).click();
    await page.getByRole('heading', { name: number }).waitFor();
    await page.getByRole('link', { name: 'Its requests' }).click();
    await page.waitForURL(/order_number=/);
    await row(page, 'PO-4713').getByText('201').waitFor();
    assert.equal(await row(page, other).count(), 0);
  });
}

/** What fails most is seen with its count, and a click shows the requests; so it is on the page of the partner. */
export async function filtersByACause(stage) {
  const sender = await partner(stage);
  await sender.fail({ products: WRONG });
  await sender.send({ partner_reference: 'PO-1' });
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/requests');
    const causes = page.getByRole('region', { name: 'Failures by cause' });
    const cause = causes.getByRole('row').filter({ hasText: 'VALIDATION_FAILED' });
    await cause.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    await row(page, 'PO-1').waitFor();
    await sender.fail({ products: WRONG });
    await cause.getByRole('cell', { name: '2', exact: true }).waitFor();
    await cause.getByRole('link', { name: 'VALIDATION_FAILED' }).click();
    await page.waitForURL(/code=VALIDATION_FAILED/);
    await row(page, 'PO-1').waitFor({ state: 'detached' });
    await row(page, 'VALIDATION_FAILED').nth(1).waitFor();
    await page.goBack();
    await row(page, 'PO-1').waitFor();

    await page.getByText('More conditions').click();
    await page.getByLabel('Client', { exact: true }).fill('nobody-001');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('No request meets every condition.').waitFor();
    await page.goto(`${stage.base}/dashboard/partners/${stage.clientId}`);
    await page.getByText(/^2 of the last \d+ requests failed: \d+ %\.$/).waitFor();
    await causes.getByRole('link', { name: 'VALIDATION_FAILED' }).click();
    await page.waitForURL(/client_id=/);
    await row(page, 'VALIDATION_FAILED').nth(1).waitFor();
  });
}

/** Nothing moves under the eyes of who reads; what came while the connection was lost is found. */
export async function keepsThePlaceAndMissesNothing(stage) {
  const sender = await partner(stage);
  await sender.send({ partner_reference: 'PO-1' });
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const sockets = [];
    let isDown = false;
    let restore;
    const restored = new Promise((resolve) => {
      restore = resolve;
    });
    await page.routeWebSocket(/graphql\/ws/, async (socket) => {
      if (isDown) await restored;
      sockets.push(socket);
      socket.connectToServer();
    });
    await enter(page, stage, '/requests?outcome=SUCCEEDED');
    await row(page, 'PO-1').waitFor();
    await page.keyboard.press('j');
    assert.ok(await log(page).evaluate((box) => box.contains(document.activeElement)), 'a key leads to the rows');
    await sender.send({ partner_reference: 'PO-2' });
    await page.getByRole('button', { name: '1 new: show' }).waitFor();
    assert.equal(await row(page, 'PO-2').count(), 0);
    await page.keyboard.press('n');
    await row(page, 'PO-2').waitFor();

    isDown = true;
    await sockets.at(-1).close({ code: 1001 });
    await page.getByText('Not live: connecting again').or(page.getByText('Connecting', { exact: true })).waitFor();
    await sender.send({ partner_reference: 'PO-3' });
    restore();
    await page.getByRole('button', { name: '1 new: show' }).click();
    await row(page, 'PO-3').waitFor();
  });
}

/** Where no more may be followed, the log is looked at again by and by. */
export async function looksWhereItMayNotFollow(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    let second;
    const refusedTwice = new Promise((resolve) => {
      second = resolve;
    });
    let refused = 0;
    await page.routeWebSocket(/graphql\/ws/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        const { id, type, payload } = JSON.parse(message);
        if (type !== 'subscribe' || !payload.query.includes('FollowRequests')) return server.send(message);
        refused += 1;
        const errors = [{ message: 'Too many', extensions: { code: 'RATE_LIMITED', retryAfter: 1 } }];
        socket.send(JSON.stringify({ id, type: 'error', payload: errors }));
        if (refused === 2) second();
      });
    });
    await enter(page, stage, '/requests?outcome=SUCCEEDED');
    await row(page, '/auth/login').first().waitFor();
    await sender.send({ partner_reference: 'PO-1' });
    await refusedTwice;
    await row(page, 'PO-1').waitFor();
  });
}

/** However much comes at once, the tab holds no more than it should and asks no oftener. */
export async function holdsNoMoreThanItShould(stage) {
  const sender = await partner(stage);
  await sender.send({ partner_reference: 'PO-1' });
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    let tell;
    await page.routeWebSocket(/graphql\/ws/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        const { id, type, payload } = JSON.parse(message);
        const follows = type === 'subscribe' && payload.query.includes('FollowRequests');
        if (follows) tell = (entry) => socket.send(JSON.stringify({ id, type: 'next', payload: { data: { requestLog: entry } } }));
        server.send(message);
      });
    });
    // By the page's own clock: this program may be told later.
    await page.addInitScript(() => {
      const { fetch } = window;
      window.asked = [];
      window.fetch = (input, init) => {
        if (String(init?.body).includes('query Requests(')) window.asked.push(performance.now());
        return fetch(input, init);
      };
    });
    // Counted from the start: what is waited for may have come before somebody waits.
    const reads = [];
    let told = () => undefined;
    page.on('response', (answer) => {
      if (!answer.request().postData()?.includes('query Requests(')) return;
      reads.push(answer);
      told();
    });
    const read = async (number) => {
      while (reads.length < number) await new Promise((next) => (told = next));
      return reads[number - 1];
    };
    await enter(page, stage, '/requests?outcome=SUCCEEDED');
    const [{ at, ...rest }] = (await (await read(1)).json()).data.requestLog.nodes;
    // Once more after the subscription began.
    await read(2);
    await row(page, 'PO-1').waitFor();
    let count = 0;
    const flood = (entries) => {
      for (let n = 0; n < entries; n += 1) {
        count += 1;
        tell({ ...rest, at: new Date(Date.parse(at) + count).toISOString(), requestId: `flood-${count}`, partnerReference: null });
      }
    };
    const drawn = () => page.locator('.requests tbody tr').count();
    await page.keyboard.press('j');
    flood(1_100);
    await page.getByRole('button', { name: 'Many requests came: read the list anew' }).waitFor();
    assert.ok((await drawn()) < 10, 'nothing moves');
    await page.keyboard.press('n');
    await read(3);

    // Where nobody reads, the list begins anew by itself, and no sooner than it may.
    await page.evaluate(() => document.activeElement.blur());
    for (const number of [4, 5]) {
      flood(1_100);
      await read(number);
    }
    const [first, second] = (await page.evaluate(() => window.asked)).slice(-2);
    assert.ok(second - first > 1_500, `after ${second - first} ms`);
    assert.ok((await drawn()) <= 1_000);
    await row(page, 'PO-1').waitFor();
  });
}

/** A partner reads what it sent itself; who may only read orders has no such screen. */
export async function isForWhoMayReadIt(stage) {
  const sender = await partner(stage);
  await sender.send({ partner_reference: 'PO-1' });
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/requests', { clientId: stage.clientId, secret: stage.secret });
    await row(page, 'PO-1').waitFor();
    assert.equal(await page.getByRole('columnheader', { name: 'Client' }).count(), 0);
    assert.equal(await page.getByLabel('Client', { exact: true }).count(), 0);
    const reader = await open();
    await enter(reader, stage, '/orders', stage.reader);
    const screens = reader.getByRole('navigation', { name: 'Dashboard' });
    await screens.getByRole('link', { name: 'Orders' }).waitFor();
    assert.equal(await screens.getByRole('link', { name: 'Request log' }).count(), 0);
  });
}

/** Where the operator keeps no log, the screens say so. */
export async function saysThatNoneIsKept(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/requests');
    await page.getByText('There is no log of requests here: the operator keeps none (request_log.retention).').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.goto(`${stage.base}/dashboard/partners/${stage.clientId}`);
    await page.getByText('There is no log of requests here').waitFor();
  });
}
