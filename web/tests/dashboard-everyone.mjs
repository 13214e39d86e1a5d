import assert from 'node:assert/strict';
import { kept, withBrowser } from './browser.mjs';
import { enter, shows } from './dashboard.mjs';
import { saveEndpoint } from './dashboard-clients.mjs';
import { AXE, violations } from './everyone.mjs';
import { colleague, partner } from './partner.mjs';

/** An order with everything that can be seen of one. */
async function richOrder(stage) {
  const sender = await partner(stage);
  const number = await sender.send({ note: 'Ring twice', requested_delivery_date: '2030-12-24', partner_reference: '4500012345' });
  const colleagues = await colleague(stage.base, stage.dashboard);
  await colleagues(
    `mutation {
      confirmSalesOrderLines(input: {orderNumber: "${number}", lines: [{lineNo: 1, confirmedQuantity: 3, rejectedQuantity: 1, reason: OUT_OF_STOCK}]}) { version }
      recordShipment(input: {orderNumber: "${number}", shipmentNumber: "SHP-1", carrier: "JNE", lines: [{lineNo: 1, quantity: 2}]}) { version }
      acknowledgeSalesOrder(input: {orderNumber: "${number}", system: "erp"}) { version }
    }`,
  );
  await sender.ask(number, 'change', { expected_version: 3, address: 'Jl. Thamrin No. 5', added_lines: [{ product_code: 'NEW', quantity: 1 }] });
  await sender.send({ customer_code: 'C'.repeat(64), site_code: 'S'.repeat(64), products: [{ product_code: 'P'.repeat(64), quantity: 1_000_000, unit_price: '9999999.9999' }] });
  return number;
}

/** An order that was refused for everything that can be wrong with it; gives the id of the request. */
async function refusedOrder(stage) {
  const sender = await partner(stage);
  return sender.fail({ customer_code: 'C'.repeat(80), site_code: '', partner_reference: 'PO-' + '7'.repeat(60), products: [{ product_code: 'P'.repeat(90), quantity: 0 }] });
}

async function savesAView(page) {
  await page.locator('.views > summary').click();
  await page.getByRole('button', { name: 'Save as …' }).click();
}

/** Each screen with something on it, and what is opened there. */
const screens = (number, clientId, requestId) => [
  { path: '', ready: '.bars', more: (page) => page.getByText('As a table').click() },
  { path: '/orders', ready: '.rows tbody tr', more: (page) => page.getByText('More conditions').click() },
  { path: '/orders?site_code_contains=S&status=RECEIVED', ready: '.chips', more: (page) => page.getByRole('button', { name: 'Export' }).click() },
  { path: '/orders?order_by=created_at_asc', ready: '.rows tbody tr', more: (page) => page.locator('.views > summary').click() },
  { path: '/orders?order_by=updated_at_asc', ready: '.rows tbody tr', more: savesAView },
  { path: `/orders/${number}`, ready: '.timeline', more: (page) => page.getByRole('button', { name: 'Answer lines' }).click() },
  { path: '/inbox', ready: '.waiting-list .pending', more: (page) => page.keyboard.press('?') },
  { path: '/partners', ready: 'tbody tr' },
  { path: `/partners/${clientId}`, ready: '.facts' },
  { path: '/webhooks', ready: 'tbody tr' },
  { path: `/webhooks/${clientId}/erp`, ready: '.facts' },
  { path: '/requests?status=400', ready: '.requests tbody tr', more: (page) => page.getByText('More conditions').click() },
  { path: `/requests/entry?request_id=${requestId}`, ready: '.wrong tbody tr' },
  { path: '/audit', ready: 'tbody tr' },
  { path: '/health', ready: '.instances tbody tr' },
];

/** By day and by night, on a wide screen, a phone and at 400 %: readable, and never wider than the window. */
export async function canReadEveryScreen(stage) {
  const number = await richOrder(stage);
  const requestId = await refusedOrder(stage);
  await saveEndpoint(stage);
  const reader = await colleague(stage.base, stage.reader);
  await reader(`mutation { saveView(input: {name: "${'W'.repeat(64)}", isShared: true, where: {search: "a"}}) { version } }`);
  await reader('mutation { saveView(input: {name: "By number", isShared: true, where: {orderNumber: {eq: "SO-1"}}}) { version } }');
  const found = [];
  await withBrowser(stage.base, async (open) => {
    for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 320]]) {
      // axe comes as a script of its own, which the page's policy would not let in.
      const page = await open({ colorScheme, viewport: { width, height: 844 }, bypassCSP: true });
      await enter(page, stage);
      for (const { path, ready, more } of screens(number, stage.clientId, requestId)) {
        const where = `${path || '/'} at ${width} px, ${colorScheme}`;
        await page.goto(`${stage.base}/dashboard${path}`);
        await page.locator(ready).first().waitFor();
        const look = async (how) => {
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          if (wide > width) found.push(`${where}${how} is ${wide} px wide`);
          found.push(...(await violations(page)).map((violation) => `${where}${how}: ${violation}`));
        };
        await page.addScriptTag({ path: AXE });
        await look('');
        if (more) {
          await more(page);
          await look(', opened');
        }
      }
      await page.context().close();
    }
  });
  assert.deepEqual(found, []);
}

/** Signs in, finds an order, opens it and acts on it without a mouse. */
export async function canDoWithoutAMouse(stage) {
  const sender = await partner(stage);
  const numbers = [await sender.send(), await sender.send(), await sender.send()].reverse();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const { keyboard } = page;
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.name);
    const tabTo = async (what) => {
      for (let step = 0; step < 60; step += 1) {
        await keyboard.press('Tab');
        if ((await focused()) === what) return;
      }
      assert.fail(`the tab key does not lead to ${what}`);
    };
    await page.goto(`${stage.base}/dashboard`);
    await page.getByLabel('Client id').waitFor();
    await tabTo('client-id');
    await keyboard.type(stage.dashboard.clientId);
    await keyboard.press('Tab');
    await keyboard.type(stage.dashboard.secret);
    await keyboard.press('Enter');
    await page.getByText('Live', { exact: true }).waitFor();
    await tabTo('Orders');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Orders', level: 1 }).waitFor();
    await page.getByRole('link', { name: numbers[2] }).waitFor();

    await keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' });

    const isFocused = (number) => page.waitForFunction((number) => document.activeElement?.textContent === number, number);
    await keyboard.press('j');
    await isFocused(numbers[0]);
    await keyboard.press('j');
    await isFocused(numbers[1]);
    await keyboard.press('k');
    await isFocused(numbers[0]);

    await keyboard.press('/');
    await keyboard.type(numbers[1]);
    await keyboard.press('Enter');
    await page.waitForURL(/search=/);
    await shows(page, [numbers[1]]);
    await keyboard.press('Escape');
    await keyboard.press('j');
    await isFocused(numbers[1]);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: numbers[1] }).waitFor();
    await page.getByRole('button', { name: 'Confirm', exact: true }).waitFor();
    await tabTo('Confirm');
    await keyboard.press('Enter');
    await tabTo('Confirm');
    await keyboard.press('Enter');
    await page.getByText('Received → confirmed').waitFor();
  });
}

/** Whoever may only read sees nothing to press, and is told in words what a screen needs. */
export async function explainsWhatIsNotAllowed(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, `/orders/${number}`, stage.reader);
    await page.getByText('Life of the order').waitFor();
    for (const name of ['Confirm', 'Cancel', 'Answer lines', 'Acknowledge']) {
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    }
    const screens = page.getByRole('navigation', { name: 'Dashboard' });
    await screens.getByRole('link', { name: 'Orders' }).waitFor();
    assert.equal(await screens.getByRole('link', { name: 'Partners' }).count(), 0);
    await page.goto(`${stage.base}/dashboard/partners`);
    await page.getByRole('alert').getByText(`${stage.reader.clientId} may not see or do this: it needs the scope clients:read`).waitFor();

    // A partner sees its own orders, and no inbox.
    const own = await open();
    await enter(own, stage, '/orders', { clientId: stage.clientId, secret: stage.secret });
    await own.getByRole('link', { name: number }).waitFor();
    assert.equal(await own.getByRole('link', { name: 'Inbox' }).count(), 0);
  });
}

/** A busy service is told of in a sentence, asked again by itself, and what was there stays. */
export async function waitsForABusyService(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    let isBusy = false;
    const refusal = { errors: [{ message: 'There is too much to do', extensions: { code: 'OVERLOADED' } }] };
    await page.route('**/graphql', (route) => {
      if (!isBusy) return route.continue();
      return route.fulfill({ json: refusal, headers: { 'Retry-After': '1' } });
    });
    await enter(page, stage, `/orders/${number}`);
    await page.getByText('Life of the order').waitFor();
    isBusy = true;
    await page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name: 'Orders' }).click();
    await page.getByText('The service is too busy for now: There is too much to do.').first().waitFor();
    isBusy = false;
    await page.getByRole('link', { name: number }).waitFor();
    await page.getByRole('alert').first().waitFor({ state: 'detached' });
  });
}

/** Without a network the page says so, keeps what it has, and goes on by itself. */
export async function goesOnWhenTheNetworkIsBack(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(
    stage.base,
    async (open) => {
      const page = await open();
      const screens = page.getByRole('navigation', { name: 'Dashboard' });
      await enter(page, stage, '/orders');
      await page.getByRole('link', { name: number }).waitFor();
      await page.context().setOffline(true);
      await screens.getByRole('link', { name: 'Inbox' }).click();
      await page.getByText('The service cannot be reached. The page asks again by itself.').first().waitFor();
      await page.context().setOffline(false);
      await page.getByRole('region', { name: 'To be confirmed' }).getByRole('link', { name: number }).waitFor();
      await page.getByRole('alert').first().waitFor({ state: 'detached' });
    },
    /ERR_INTERNET_DISCONNECTED/,
  );
}

/** Keys of one letter can be switched off (WCAG 2.1.4). */
export async function canSwitchTheKeysOff(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/orders');
    await page.getByRole('link', { name: number }).waitFor();
    await page.getByRole('button', { name: 'Keys' }).click();
    await page.getByLabel('These keys are on').uncheck();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.keyboard.press('?');
    await page.keyboard.press('j');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.reload();
    await page.getByRole('link', { name: number }).waitFor();
    await page.getByRole('button', { name: 'Keys' }).click();
    assert.equal(await page.getByLabel('These keys are on').isChecked(), false);
  });
}

/** A token that lives for seconds is continued before it ends, and a session that was ended is told of. */
export async function staysSignedInAsLongAsItMay(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const renewal = () => page.waitForResponse((answer) => answer.request().postData()?.includes('mutation Refresh') ?? false);
    await enter(page, stage, '/orders?status=RECEIVED');
    await renewal();
    await renewal();
    await page.getByText('No order meets every condition.').waitFor();
    const administrator = await colleague(stage.base, stage.administrator);
    await administrator(`mutation { revokeClientSessions(input: {clientId: "${stage.dashboard.clientId}"}) { clientId } }`);
    await page.getByText('Your session has ended').waitFor();
    assert.ok(page.url().endsWith('/dashboard/orders?status=RECEIVED'), 'the address stays');
    await page.getByLabel('Client id').fill(stage.dashboard.clientId);
    await page.getByLabel('Client secret').fill(stage.dashboard.secret);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('No order meets every condition.').waitFor();
  });
}

/** A new token that comes after the sign-out signs nobody in again. */
export async function staysSignedOut(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    let release;
    const released = new Promise((resolve) => {
      release = resolve;
    });
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('mutation Refresh')) await released;
      await route.continue();
    });
    const renewal = page.waitForRequest((request) => request.postData()?.includes('mutation Refresh') ?? false);
    await enter(page, stage, '/orders');
    const answered = (await renewal).response();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Client secret').waitFor();
    let isUsed = false;
    page.on('request', (request) => {
      isUsed ||= request.postData()?.includes('query Viewer') ?? false;
    });
    release();
    await (await answered).finished();
    // What the page would ask with the new token it would ask before this.
    await page.evaluate(() => fetch('../health/ready').then((answer) => answer.text()));
    assert.ok(!isUsed, 'nobody asks with the new token');
    assert.ok(await page.getByLabel('Client secret').isVisible());
    assert.ok(!(await kept(page)).includes('token'));
  });
}

/** A clock that is a day ahead makes no token older. */
export async function renewsNoOftenerByAWrongClock(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await page.addInitScript(() => {
      const now = Date.now;
      Date.now = () => now() + 86_400_000;
    });
    let renewals = 0;
    page.on('request', (request) => {
      if (request.postData()?.includes('mutation Refresh')) renewals += 1;
    });
    await enter(page, stage, '/orders');
    await page.getByRole('link', { name: await sender.send() }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: await sender.send() }).waitFor();
    assert.equal(renewals, 0);
  });
}
