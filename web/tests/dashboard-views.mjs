import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter, shows } from './dashboard.mjs';
import { widensNoFilter } from './filter.mjs';
import { colleague, partner } from './partner.mjs';

const menu = (page) => page.locator('.views > summary');
const status = (page, name) => page.getByRole('group', { name: 'Status' }).getByLabel(name);
const view = (page, name) => page.getByRole('list', { name: 'Saved views' }).getByRole('link', { name: new RegExp(`^${name}( of .+)?$`) });
const choice = (page, name) => page.getByRole('list', { name: 'Saved views' }).getByRole('listitem').filter({ hasText: name });

/** Opens the menu and chooses from it. */
async function choose(page, name) {
  await menu(page).click();
  await view(page, name).click();
}

async function press(page, name) {
  await menu(page).click();
  await page.getByRole('button', { name }).click();
}

const reads = (page, text) => page.locator('.views > summary', { hasText: new RegExp(`^View: ${text}$`) }).waitFor();

const isBack = (page) => page.waitForFunction(() => document.activeElement?.matches('.views > summary'));

/** Saves what the list shows. */
async function save(page, name) {
  await press(page, 'Save as …');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Share it').check();
  await page.keyboard.press('Enter');
  await reads(page, name);
}

/** What one keeps, a colleague finds; of two who change it at once the second is told. */
export async function sharesAView(stage) {
  const sender = await partner(stage);
  const confirmed = await sender.send();
  const received = await sender.send();
  const staff = await colleague(stage.base, stage.dashboard);
  await staff(`mutation { updateSalesOrderStatus(input: {orderNumber: "${confirmed}", status: CONFIRMED}) { version } }`);
  await withBrowser(stage.base, async (open) => {
    const own = await open();
    await enter(own, stage, '/orders?status=RECEIVED&order_by=created_at_asc', stage.reader);
    await shows(own, [received]);
    await own.locator('.figures-line summary').click();
    await own.getByLabel('Quantity').uncheck();
    await own.locator('.figures-line summary').click();
    await save(own, 'To be confirmed');
    await isBack(own);

    const other = await open();
    await enter(other, stage, '/orders');
    await shows(other, [received, confirmed]);
    await other.getByRole('columnheader', { name: 'Quantity' }).waitFor();
    await menu(other).click();
    await other.getByText('of The client reader-001').or(other.getByText(/^ ?of /)).first().waitFor();
    await view(other, 'To be confirmed').click();
    await other.waitForURL(/status=RECEIVED.*view=reader-001/);
    await shows(other, [received]);
    assert.equal(await other.getByRole('columnheader', { name: 'Quantity' }).count(), 0);
    assert.ok(await status(other, 'Received').isChecked());
    await other.reload();
    await shows(other, [received]);
    await reads(other, 'To be confirmed');
    await menu(other).click();
    const link = other.getByRole('link', { name: /^To be confirmed of .+/ });
    assert.equal(await link.getAttribute('aria-current'), 'true');
    assert.equal(await other.getByRole('button', { name: 'Change …' }).count(), 0, 'it is not theirs');
    await menu(other).click();

    // It stays a view of the list, of which more can be asked.
    await status(own, 'Confirmed').check();
    await shows(own, [confirmed, received]);
    await reads(own, 'To be confirmed \\(differs from the saved view\\)');
    const chief = await colleague(stage.base, stage.chief);
    const where = '{status: {in: [CANCELLED]}}';
    await press(own, 'Change …');
    await chief(`mutation { saveView(input: {name: "To be confirmed", clientId: "reader-001", where: ${where}}) { version } }`);
    await own.getByRole('button', { name: 'Save', exact: true }).click();
    await own.getByText('Somebody saved this view meanwhile.').waitFor();
    await own.getByRole('button', { name: 'Leave it' }).click();
    await choose(own, 'To be confirmed');
    await own.getByText('No order meets every condition.').waitFor();
    await reads(own, 'To be confirmed');

    // Who means it saves over it, under another name too.
    await status(own, 'Cancelled').uncheck();
    await status(own, 'Confirmed').check();
    await press(own, 'Change …');
    await chief(`mutation { saveView(input: {name: "To be confirmed", clientId: "reader-001"}) { version } }`);
    await own.getByLabel('Name').fill('Confirmed');
    await own.getByRole('button', { name: 'Save', exact: true }).click();
    await own.getByRole('button', { name: 'Save over theirs' }).click();
    await reads(own, 'Confirmed');
    await shows(own, [confirmed]);
    await choose(other, 'Confirmed');
    await shows(other, [confirmed]);

    // A name that there is already is no reason to lose what is under it.
    await press(own, 'Save as …');
    await own.getByLabel('Name').fill('Confirmed');
    await own.getByRole('button', { name: 'Save', exact: true }).click();
    await own.getByRole('alert').getByText('choose another name').waitFor();
    await own.getByRole('button', { name: 'Leave it' }).click();
    await press(own, 'Delete …');
    await own.getByRole('button', { name: 'Delete', exact: true }).click();
    await reads(own, 'none');
    await isBack(own);
    await other.reload();
    await reads(other, 'none');
    await shows(other, [confirmed]);
    await isToldOfWhatHappenedMeanwhile(own, chief);
    await keepsAColumn(own);
  });
}

/** A dialog stays as it is when its view is saved, renamed or deleted elsewhere, and says what came of it. */
async function isToldOfWhatHappenedMeanwhile(page, chief) {
  const dialog = page.getByRole('dialog');
  const button = (name) => dialog.getByRole('button', { name, exact: true });
  const of = (name) => `name: "${name}", clientId: "reader-001"`;
  await save(page, 'Taken');
  await save(page, 'Kept');

  // A name that is taken makes nobody read the other's change again.
  await press(page, 'Change …');
  await chief(`mutation { saveView(input: {${of('Kept')}, where: {status: {in: [CANCELLED]}}}) { version } }`);
  await button('Save').click();
  await dialog.getByText('Somebody saved this view meanwhile.').waitFor();
  await dialog.getByLabel('Name').fill('Taken');
  await button('Save over theirs').click();
  await dialog.getByRole('alert').getByText('choose another name').waitFor();
  await dialog.getByLabel('Name').fill('Mine');
  await button('Save over theirs').click();
  await reads(page, 'Mine');
  await isBack(page);

  await press(page, 'Change …');
  await dialog.getByLabel('Name').fill('Typed');
  await chief(`mutation { saveView(input: {${of('Mine')}, newName: "Moved"}) { version } }`);
  await button('Save').click();
  await dialog.getByRole('alert').getByText('is not there').waitFor();
  // The views were read anew behind it.
  await reads(page, 'none');
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'Typed');
  await dialog.getByRole('alert').getByText('is not there').waitFor();
  await button('Leave it').click();
  await isBack(page);

  await choose(page, 'Moved');
  await reads(page, 'Moved');
  await press(page, 'Delete …');
  await chief(`mutation { deleteView(input: {${of('Moved')}}) }`);
  await button('Delete').click();
  await reads(page, 'none');
  await dialog.getByRole('alert').getByText('is not there').waitFor();
  await button('Leave it').click();
  await choose(page, 'Taken');
  await reads(page, 'Taken');
  assert.equal(await dialog.count(), 0, 'no dialog opens by itself');
}

/** A list has a column at least, and the way back leads through none of them. */
async function keepsAColumn(page) {
  const columns = page.getByRole('group', { name: 'Columns of the list' });
  const before = await page.evaluate(() => history.length);
  await page.locator('.figures-line summary').click();
  const [last, ...others] = await columns.locator('input:checked').evaluateAll((boxes) => boxes.map(({ labels }) => labels[0].textContent));
  for (const name of others) await columns.getByLabel(name, { exact: true }).uncheck();
  await columns.locator('input:disabled:checked').waitFor();
  assert.ok(await columns.getByLabel(last, { exact: true }).isDisabled());
  assert.equal(await page.evaluate(() => history.length), before);
}

/** On a slow machine the views may be there later than the list waits for them. */
const isPatient = (page) =>
  page.addInitScript(() => {
    const own = window.setTimeout;
    window.setTimeout = (act, pause, ...more) => own(act, pause === 1_000 ? 60_000 : pause, ...more);
  });

const isOfViews = (route) => route.request().postData()?.includes('savedViews');

/** Views that do not come, or come late, keep nobody from the orders. */
async function doesNotWaitForTheViews(open, stage, number) {
  const page = await open();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route('**/graphql', async (route) => {
    if (isOfViews(route)) await held;
    await route.continue();
  });
  await enter(page, stage, '/orders', stage.reader);
  await shows(page, [number]);
  await menu(page).click();
  release();
  await view(page, 'Shipped').waitFor();
  assert.equal(new URL(page.url()).search, '', 'who reads the list is taken nowhere');

  const other = await open();
  await isPatient(other);
  const json = { data: null, errors: [{ message: 'Failed', extensions: { code: 'INTERNAL_ERROR' } }] };
  await other.route('**/graphql', (route) => (isOfViews(route) ? route.fulfill({ json }) : route.continue()));
  await enter(other, stage, '/orders', stage.reader);
  await shows(other, [number]);
}

/** A view with conditions that the page does not have leads nowhere; its owner may replace it. */
async function showsNoOtherOrdersThanMeant(page) {
  await menu(page).click();
  await choice(page, 'By number').getByText('This page cannot show this view').click();
  assert.ok(await page.locator('.views').getAttribute('open') !== null, 'a text is no choice');
  assert.equal(await view(page, 'By number').count(), 0);
  await page.getByRole('button', { name: 'Replace by what the list shows now: By number' }).click();
  await page.getByRole('dialog').getByText('are lost').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await reads(page, 'By number');
  await choose(page, 'All orders');
  await reads(page, 'none');
}

/** The list begins with what its reader or whoever manages clients chose, and the address comes before that. */
export async function beginsWithTheDefault(stage) {
  await widensNoFilter();
  const sender = await partner(stage);
  const number = await sender.send();
  const reader = await colleague(stage.base, stage.reader);
  const save = (input) => reader(`mutation { saveView(input: ${input}) { version } }`);
  await save('{name: "Shipped", where: {status: {eq: SHIPPED}}}');
  await save('{name: "Delivered", isShared: true, where: {status: {in: [DELIVERED]}}}');
  await save('{name: "Cancelled", isShared: true, where: {status: {in: [CANCELLED]}}}');
  await save('{name: "By number", where: {orderNumber: {eq: "SO-1"}}}');
  await save('{name: "Of one number", isShared: true, where: {orderNumber: {eq: "SO-1"}}}');
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await isPatient(page);
    await enter(page, stage, '/orders', stage.reader);
    await shows(page, [number]);
    await showsNoOtherOrdersThanMeant(page);
    await choose(page, 'Shipped');
    await menu(page).click();
    await page.getByLabel('My list begins with this view').check();
    await choice(page, 'Shipped').getByText('my default').waitFor();
    await page.goto(`${stage.base}/dashboard/orders`);
    await page.waitForURL(/view=reader-001.*Shipped/);
    assert.ok(await status(page, 'Shipped').isChecked());
    await choose(page, 'All orders');
    await shows(page, [number]);
    await page.reload();
    await shows(page, [number]);
    await page.goto(`${stage.base}/dashboard/orders?status=RECEIVED`);
    await shows(page, [number]);
    await page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name: 'Orders' }).click();
    await page.waitForURL(/view=reader-001.*Shipped/);
    await doesNotWaitForTheViews(open, stage, number);

    const chief = await open();
    await enter(chief, stage, '/orders', stage.chief);
    await choose(chief, 'Delivered');
    await menu(chief).click();
    const everybodys = chief.getByLabel("Everybody's list begins with this view");
    await everybodys.check();
    await choice(chief, 'Delivered').getByText('default for everybody').waitFor();
    const other = await open();
    await isPatient(other);
    await enter(other, stage, '/orders');
    await other.waitForURL(/view=reader-001.*Delivered/);
    await other.getByText('No order meets every condition.').waitFor();
    assert.equal(await other.getByLabel("Everybody's list begins with this view").count(), 0);
    // One's own comes before everybody's, unless the page cannot show it.
    await page.goto(`${stage.base}/dashboard/orders`);
    await page.waitForURL(/view=reader-001.*Shipped/);
    await reader('mutation { setDefaultView(input: {name: "Of one number"}) { name } }');
    await page.goto(`${stage.base}/dashboard/orders`);
    await page.waitForURL(/view=reader-001.*Delivered/);

    await endsADefault(stage, chief, everybodys);
    await other.goto(`${stage.base}/dashboard/orders`);
    await shows(other, [number]);

    // Who manages clients may delete what the page cannot show of another's, and not make it another view.
    assert.equal(await chief.getByRole('button', { name: /^Replace by/ }).count(), 0);
    await chief.getByRole('button', { name: /^Delete the view Of one number of / }).click();
    await chief.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await isBack(chief);
    await menu(chief).click();
    await choice(chief, 'Of one number').waitFor({ state: 'detached' });
  });
}

/** Who ends a default by what was read before another one was set, ends neither. */
async function endsADefault(stage, page, box) {
  const chief = await colleague(stage.base, stage.chief);
  const input = '{name: "Cancelled", clientId: "reader-001", scope: "orders:read"}';
  await chief(`mutation { setDefaultView(input: ${input}) { name } }`);
  await box.uncheck();
  await choice(page, 'Cancelled').getByText('default for everybody').waitFor();
  const { savedViews } = await chief('{ savedViews { name defaultFor } }');
  assert.deepEqual(savedViews.filter(({ defaultFor }) => defaultFor).map(({ name }) => name), ['Cancelled']);

  await view(page, 'Cancelled').click();
  await press(page, 'Delete …');
  await page.getByRole('dialog').getByText('It is the default for everybody').waitFor();
  await page.getByRole('button', { name: 'Leave it' }).click();
  await menu(page).click();
  await box.uncheck();
  await choice(page, 'Cancelled').getByText('default for everybody').waitFor({ state: 'detached' });
}
