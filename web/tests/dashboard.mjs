import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { kept, withBrowser } from './browser.mjs';
import { colleague, partner } from './partner.mjs';

/** Opens a screen and signs in on it. */
export async function enter(page, { base, dashboard }, path = '', who = dashboard) {
  await page.goto(`${base}/dashboard${path}`);
  await page.getByLabel('Client id').fill(who.clientId);
  await page.getByLabel('Client secret').fill(who.secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('Live', { exact: true }).waitFor();
  // Where the pointer rests, nothing is pushed along.
  await page.mouse.move(0, 0);
}

const row = (page, orderNumber) => page.locator('.rows tbody tr').filter({ hasText: orderNumber });
const figure = (page, name, value) => page.locator(`[data-figure="${name}"]`, { hasText: new RegExp(`^${value}$`) });
const numbers = (page) => page.locator('.rows tbody th a').allInnerTexts();

/** Until the list has these rows and no others. */
export function shows(page, wanted) {
  const isSo = (wanted) => [...document.querySelectorAll('.rows tbody th a')].map((link) => link.textContent).join() === wanted;
  return page.waitForFunction(isSo, wanted.join());
}

/** Nobody reloads: an order that is sent is in the list, in its figures, in the overview and in the inbox. */
export async function showsAnOrderAsItComes(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const overview = await open();
    await enter(overview, stage);
    await figure(overview, 'today', 0).waitFor();
    const list = await open();
    await enter(list, stage, '/orders');
    await list.getByText('No order meets every condition.').waitFor();
    const inbox = await open();
    await enter(inbox, stage, '/inbox');
    await inbox.getByText('Nothing waits.').first().waitFor();

    const first = await sender.send({ customer_code: 'CUST-777' });
    await row(list, first).getByText('CUST-777').waitFor();
    await figure(list, 'orders', 1).waitFor();
    await figure(overview, 'today', 1).waitFor();
    await figure(overview, 'waiting', 1).waitFor();
    await overview.getByRole('link', { name: first }).waitFor();
    await overview.locator('.bars').getByRole('link', { name: 'HD9650' }).waitFor();
    await inbox.getByRole('region', { name: 'To be confirmed' }).getByRole('link', { name: first }).waitFor();

    // Who reads the rows keeps their place: what is new is told, and put in when wanted.
    await row(list, first).getByRole('link').focus();
    const second = await sender.send();
    await list.getByRole('button', { name: '1 new: show' }).waitFor();
    await figure(list, 'orders', 2).waitFor();
    assert.deepEqual(await numbers(list), [first]);
    await list.getByRole('status').getByText(/new order/).waitFor();
    await list.getByRole('button', { name: '1 new: show' }).click();
    await shows(list, [second, first]);

    const received = await open();
    await enter(received, stage, '/orders?status=RECEIVED');
    await shows(received, [second, first]);

    // A row changes where it stands, also where it does not belong any more.
    const colleagues = await colleague(stage.base, stage.dashboard);
    const confirm = `mutation { updateSalesOrderStatus(input: {orderNumber: "${first}", status: CONFIRMED}) { version } }`;
    await colleagues(confirm);
    await row(list, first).getByText('Confirmed').waitFor();
    await row(received, first).getByText('no longer meets the conditions').waitFor();
    await figure(received, 'orders', 1).waitFor();
    assert.deepEqual(await numbers(received), [second, first]);
    await figure(overview, 'waiting', 1).waitFor();
    assert.deepEqual(await numbers(list), [second, first]);
  });
}

/** The connection breaks, an order comes meanwhile, and the page goes on behind the last event it knows. */
export async function missesNothingWhenTheConnectionBreaks(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const sockets = [];
    const starts = [];
    let isDown = false;
    let up;
    await page.routeWebSocket(/graphql\/ws/, async (socket) => {
      while (isDown) await up;
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        const { type, payload } = JSON.parse(message);
        if (type === 'subscribe') starts.push(payload.variables.after);
        server.send(message);
      });
      sockets.push(socket);
    });
    await enter(page, stage, '/orders');
    // The list may have asked for the first one itself; the next one it shows because it was told of it.
    await row(page, await sender.send()).waitFor();
    await row(page, await sender.send()).waitFor();
    let restore;
    up = new Promise((resolve) => {
      restore = resolve;
    });
    isDown = true;
    await sockets.at(-1).close({ code: 1001 });
    await page.getByText('Not live: connecting again').or(page.getByText('Connecting', { exact: true })).waitFor();
    const second = await sender.send();
    assert.equal(await row(page, second).count(), 0);
    isDown = false;
    restore();
    await row(page, second).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    assert.equal(starts[0], null);
    assert.ok(starts.at(-1)?.length > 10, 'it goes on behind the last event');
  });
}

/** A service that takes the connection and refuses what it is for is asked less and less often, and as late as it says. */
export async function backsOffFromARefusedSubscription(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const asked = [];
    const sockets = [];
    let isFull = false;
    let third;
    const askedThrice = new Promise((resolve) => {
      third = resolve;
    });
    const refusal = (extensions) => [{ message: 'Too many', extensions: { code: 'RATE_LIMITED', ...extensions } }];
    await page.routeWebSocket(/graphql\/ws/, (socket) => {
      sockets.push(socket);
      if (!isFull) return void socket.connectToServer();
      socket.onMessage((message) => {
        const { id, type } = JSON.parse(message);
        if (type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
        if (type !== 'subscribe') return;
        asked.push(performance.now());
        const payload = refusal(asked.length === 1 ? { retryAfter: 3 } : {});
        socket.send(JSON.stringify({ id, type: 'error', payload }));
        if (asked.length === 3) third();
      });
    });
    await enter(page, stage, '/orders');
    isFull = true;
    await sockets.at(-1).close({ code: 1001 });
    await askedThrice;
    assert.equal(await page.getByText('Live', { exact: true }).count(), 0);
    isFull = false;
    const [first, second, last] = asked;
    assert.ok(second - first >= 2_900, `as late as it says: ${second - first} ms`);
    assert.ok(last - second >= 1_900, `less and less often: ${last - second} ms`);
    await row(page, await sender.send()).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
  });
}

/** What happened after the connection stood and before its subscription had begun is found all the same. */
export async function missesNothingBeforeTheSubscriptionBegins(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await page.routeWebSocket(/graphql\/ws/, (socket) => {
      const server = socket.connectToServer();
      // It never begins.
      socket.onMessage((message) => {
        if (JSON.parse(message).type !== 'subscribe') server.send(message);
      });
    });
    let sent;
    let isFirst = true;
    await page.route('**/graphql', async (route) => {
      const isList = route.request().postData()?.includes('query Orders(') ?? false;
      const answer = isList && isFirst ? await route.fetch() : undefined;
      if (!answer) return route.continue();
      isFirst = false;
      sent = await sender.send();
      await route.fulfill({ response: answer });
    });
    await enter(page, stage, '/orders');
    await page.locator('.rows tbody th a').first().waitFor();
    assert.deepEqual(await numbers(page), [sent]);
  });
}

/** A busy service is asked about changed orders as late as it says, and the list comes to have them. */
export async function asksABusyServiceNoOftener(stage) {
  const sender = await partner(stage);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const asked = [];
    let second;
    const askedTwice = new Promise((resolve) => {
      second = resolve;
    });
    const refusal = { errors: [{ message: 'Too many', extensions: { code: 'RATE_LIMITED' } }] };
    await enter(page, stage, '/orders');
    await row(page, await sender.send()).waitFor();
    await page.route('**/graphql', (route) => {
      if (!route.request().postData()?.includes('orderNumber":{"in"')) return route.continue();
      asked.push(performance.now());
      if (asked.length > 1) {
        second();
        return route.continue();
      }
      return route.fulfill({ json: refusal, headers: { 'Retry-After': '2' } });
    });
    const number = await sender.send();
    await askedTwice;
    await row(page, number).waitFor();
    assert.ok(asked[1] - asked[0] >= 1_900, `as late as it says: ${asked[1] - asked[0]} ms`);
    assert.equal(await page.getByRole('button', { name: /read the list anew/ }).count(), 0);
  });
}

/** The filter is the address: it survives a reload, and the way back leads through it. */
export async function keepsTheFilterInTheAddress(stage) {
  const sender = await partner(stage);
  const jakarta = await sender.send({ site_code: 'JAKARTA' });
  const bandung = await sender.send({ site_code: 'BANDUNG' });
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/orders');
    await row(page, bandung).waitFor();
    await page.getByRole('checkbox', { name: 'Received', exact: true }).check();
    await page.waitForURL(/status=RECEIVED/);
    await page.getByText('More conditions').click();
    await page.getByLabel('Site has').fill('jak');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.waitForURL(/site_code_contains=jak/);
    await figure(page, 'orders', 1).waitFor();
    await shows(page, [jakarta]);

    await page.reload();
    await figure(page, 'orders', 1).waitFor();
    await row(page, jakarta).waitFor();
    assert.ok(await page.getByRole('checkbox', { name: 'Received', exact: true }).isChecked());
    await page.getByText('Site has jak').waitFor();

    await page.goBack();
    await figure(page, 'orders', 2).waitFor();
    await row(page, bandung).waitFor();
    await page.goForward();
    await figure(page, 'orders', 1).waitFor();
    await page.getByRole('button', { name: 'Take out: Site has jak' }).click();
    await figure(page, 'orders', 2).waitFor();

    await page.getByRole('button', { name: 'Order', exact: true }).click();
    await page.waitForURL(/order_by=order_number_desc/);
    await shows(page, [bandung, jakarta]);
    await page.getByRole('button', { name: 'Order', exact: true }).click();
    await page.waitForURL(/order_by=order_number_asc/);
    await shows(page, [jakarta, bandung]);
  });
}

/** What is exported are the rows of the list, in their sequence. */
export async function exportsWhatTheListShows(stage) {
  const sender = await partner(stage);
  let last;
  for (const site of ['JAKARTA', 'BANDUNG', 'JAKARTA']) {
    last = await sender.send({ site_code: site, address: 'Jl. "Merdeka", 1\nJakarta' });
  }
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/orders?site_code_contains=JAKARTA&order_by=order_number_asc');
    await figure(page, 'orders', 2).waitFor();
    await row(page, last).waitFor();
    const shown = await numbers(page);
    assert.equal(shown.length, 2);
    await page.getByRole('button', { name: 'Export' }).click();
    const fetchFile = async (format) => {
      await page.getByLabel(format).check();
      const download = page.waitForEvent('download');
      await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click();
      const file = readFileSync(await (await download).path(), 'utf8');
      await page.getByText('The file is whole').waitFor();
      return file;
    };
    const lines = (await fetchFile('JSON Lines')).trim().split('\n');
    assert.deepEqual(lines.map((line) => JSON.parse(line).order_number), shown);
    const csv = await fetchFile('CSV, exact texts for programs');
    assert.deepEqual([...new Set(csv.match(/SO-\d+/g))], shown);
    const spreadsheet = await fetchFile('For a spreadsheet (CSV)');
    assert.ok(spreadsheet.startsWith('\uFEFF'), 'a spreadsheet is told of the encoding');
  });
}

/** Somebody else changes an order while one decides: nothing is done, and what changed stands side by side. */
export async function showsAConflictAsADifference(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  const colleagues = await colleague(stage.base, stage.dashboard);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, `/orders/${number}`);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('dialog', { name: `Cancel ${number}` }).waitFor();
    await colleagues(
      `mutation { confirmSalesOrderLines(input: {orderNumber: "${number}", lines: [{lineNo: 1, confirmedQuantity: 3, backOrderedQuantity: 1}]}) { version } }`,
    );
    await page.getByLabel('Reason, for the partner to read').fill('Nobody wants it');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel', exact: true }).click();
    const conflict = page.getByRole('alert', { name: 'Conflict' });
    await conflict.getByText('nothing of yours was done').waitFor();
    await conflict.getByText(/You read version 1, by now it is at version 2/).waitFor();
    const difference = conflict.getByRole('row', { name: /Answer to line 1/ });
    await difference.getByText('not answered').or(difference.getByText('4 open')).waitFor();
    await difference.getByText('3 confirmed, 1 later').waitFor();
    await conflict.getByRole('row', { name: /Status/ }).getByText('Confirmed').waitFor();
    const { salesOrder } = await colleagues(`{ salesOrder(orderNumber: "${number}") { status version } }`);
    assert.deepEqual(salesOrder, { status: 'CONFIRMED', version: 2 });
    await page.getByRole('button', { name: 'I have seen it' }).click();
    assert.equal(await conflict.count(), 0);
  });
}

/** An order that changes so that a step is no longer offered takes no open dialog away, nor what was typed. */
export async function keepsWhatWasTypedWhenTheOrderChanges(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  const colleagues = await colleague(stage.base, stage.dashboard);
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, `/orders/${number}`);
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    const note = page.getByLabel('Reason, for us alone');
    await note.fill('Agreed by telephone');
    await colleagues(`mutation { updateSalesOrderStatus(input: {orderNumber: "${number}", status: CANCELLED}) { version } }`);
    // The heading is of the order as it is now; the dialog of what was read.
    await page.locator('.heading .status.cancelled').waitFor();
    assert.equal(await note.inputValue(), 'Agreed by telephone');
    await page.getByRole('dialog').getByRole('button', { name: 'Confirm', exact: true }).click();
    await page.getByRole('alert', { name: 'Conflict' }).getByText('nothing of yours was done').waitFor();
    await page.getByRole('button', { name: 'Confirm', exact: true }).waitFor({ state: 'detached' });
  });
}

/** Who loses the answer to a change is told that it may have been done, and cannot leave it while it is on its way. */
export async function tellsOfALostAnswer(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(
    stage.base,
    async (open) => {
      const page = await open();
      let lose;
      const lost = new Promise((resolve) => {
        lose = resolve;
      });
      await enter(page, stage, `/orders/${number}`);
      await page.route('**/graphql', async (route) => {
        if (!route.request().postData()?.includes('updateSalesOrderStatus')) return route.continue();
        await route.fetch();
        await lost;
        await route.abort();
      });
      await page.getByRole('button', { name: 'Confirm', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
      await page.locator('.heading .status.confirmed').waitFor();
      assert.ok(await dialog.getByRole('button', { name: 'Leave it' }).isDisabled());
      await page.keyboard.press('Escape');
      assert.ok(await dialog.isVisible());
      lose();
      await dialog.getByText('It may have been done; look at the order.').waitFor();
      await dialog.getByRole('button', { name: 'Leave it' }).click();
      await page.getByText('Received → confirmed').waitFor();
    },
    /ERR_FAILED/,
  );
}

/** From the answer to its lines to its arrival, and what the partner asks for in between. */
export async function leadsAnOrderThroughItsLife(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, `/orders/${number}`);
    const dialog = page.getByRole('dialog');
    const life = page.getByRole('list').filter({ hasText: 'Received' });

    await page.getByRole('button', { name: 'Answer lines' }).click();
    const line = dialog.getByRole('group', { name: /Line 1/ });
    await line.getByLabel('Confirmed').fill('3');
    await line.getByLabel('Later').fill('1');
    await line.getByLabel('Promised for').fill('2030-12-24');
    await line.getByLabel('Reason').selectOption('OUT_OF_STOCK');
    await dialog.getByRole('button', { name: 'Answer lines' }).click();
    await page.getByRole('cell', { name: /3 confirmed, 1 later/ }).waitFor();
    await life.getByText('Received → confirmed').waitFor();

    await sender.ask(number, 'cancellation', { reason: 'CUSTOMER_REQUEST', note: 'The shop is closed' });
    const request = page.getByRole('region', { name: 'Requests of the partner' });
    await request.getByText('The shop is closed').waitFor();
    // A reading that overlaps with the request may have this and still the version before it.
    await page.getByText(/, version 3$/).waitFor();
    await request.getByRole('button', { name: 'Reject' }).click();
    await dialog.getByLabel('Reason').selectOption('IN_PREPARATION');
    await dialog.getByRole('button', { name: 'Reject' }).click();
    await request.getByText(/: rejected/).waitFor();

    await page.getByRole('button', { name: 'Record a shipment' }).click();
    await dialog.getByLabel('Number of the shipment').fill('SHP-1');
    await dialog.getByLabel('Carrier').fill('JNE');
    await dialog.getByRole('button', { name: 'Record a shipment' }).click();
    await page.getByRole('button', { name: 'It arrived' }).click();
    await dialog.getByRole('button', { name: 'It arrived' }).click();
    await life.getByText('Shipment SHP-1 arrived').waitFor();

    await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await dialog.getByLabel('System, such as erp').fill('erp');
    await dialog.getByLabel('Number of the order in that system').fill('4500012345');
    await dialog.getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await life.getByText('Taken over by erp').waitFor();

    await page.getByRole('button', { name: 'Prove it' }).click();
    await page.getByText('The signature is genuine').waitFor();
  });
}

/** Markup, other directions of writing, pictures and long words are texts and nothing else. */
export async function takesHostileTextsForTexts(stage) {
  const sender = await partner(stage);
  const customer = '<img src=x onerror=alert(1)>';
  const number = await sender.send({
    customer_code: customer,
    site_code: '"><svg onload=x>',
    sales_name: `\u202Eevil 😀 ${'x'.repeat(90)}`,
    address: 'W'.repeat(500),
    note: '<script>window.hit = true</script> ' + 'سلام '.repeat(100),
    partner_reference: '{{7*7}}${7*7}',
  });
  await withBrowser(stage.base, async (open) => {
    for (const width of [1280, 320]) {
      const page = await open({ viewport: { width, height: 800 } });
      await enter(page, stage, '/orders');
      await row(page, number).getByText(customer).waitFor();
      for (const path of ['', '/inbox', `/orders/${number}`]) {
        await page.goto(`${stage.base}/dashboard${path}`);
        await page.getByText(path === '' ? '"><svg onload=x>' : customer).first().waitFor();
        assert.equal(await page.locator('#dashboard img, #dashboard script, #dashboard [onload]').count(), 0);
        assert.equal(await page.evaluate(() => globalThis.hit), undefined);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, path);
      }
    }
  });
}

/** The secret is kept nowhere; the token is of its tab alone, and signing out takes it away. */
export async function keepsATokenForTheTabAlone(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage);
    assert.ok(!(await kept(page)).includes(stage.dashboard.secret));
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    const other = await page.context().newPage();
    await other.goto(`${stage.base}/dashboard/orders`);
    await other.getByLabel('Client secret').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Client secret').waitFor();
    assert.ok(!(await kept(page)).includes('token'));
  });
}
