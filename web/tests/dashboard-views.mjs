import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';
import { enter, shows } from './dashboard.mjs';
import { colleague, partner } from './partner.mjs';

const menu = (page) => page.locator('.views > summary');
const status = (page, name) => page.getByRole('group', { name: 'Status' }).getByLabel(name);
const view = (page, name) => page.getByRole('list', { name: 'Saved views' }).getByRole('link', { name, exact: true });

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
    await press(own, 'Save as …');
    await own.getByLabel('Name').fill('To be confirmed');
    await own.getByLabel('Share it').check();
    await own.keyboard.press('Enter');
    await reads(own, 'To be confirmed');

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
    assert.equal(await other.getByRole('button', { name: 'Change …' }).count(), 0, 'it is not theirs');
    await menu(other).click();

    // It stays a view of the list, of which more can be asked.
    await status(own, 'Confirmed').check();
    await shows(own, [confirmed, received]);
    await reads(own, 'To be confirmed \\(changed\\)');
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
    await other.reload();
    await reads(other, 'none');
    await shows(other, [confirmed]);
  });
}

/** The list begins with what its reader or whoever manages clients chose, and the address comes before that. */
export async function beginsWithTheDefault(stage) {
  const sender = await partner(stage);
  const number = await sender.send();
  const reader = await colleague(stage.base, stage.reader);
  const save = (input) => reader(`mutation { saveView(input: ${input}) { version } }`);
  await save('{name: "Shipped", where: {status: {eq: SHIPPED}}}');
  await save('{name: "Delivered", isShared: true, where: {status: {in: [DELIVERED]}}}');
  await save('{name: "By number", where: {orderNumber: {eq: "SO-1"}}}');
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    await enter(page, stage, '/orders', stage.reader);
    await shows(page, [number]);
    await menu(page).click();
    await page.getByText('This page has not all of its conditions').waitFor();
    await view(page, 'Shipped').click();
    await menu(page).click();
    await page.getByLabel('My list begins with it').check();
    await page.getByText('my first').waitFor();
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

    const chief = await open();
    await enter(chief, stage, '/orders', stage.chief);
    await choose(chief, 'Delivered');
    await menu(chief).click();
    await chief.getByLabel("Everybody's list begins with it").check();
    await chief.getByText('first of orders:read').waitFor();
    const other = await open();
    await enter(other, stage, '/orders');
    await other.waitForURL(/view=reader-001.*Delivered/);
    await other.getByText('No order meets every condition.').waitFor();
    assert.equal(await other.getByLabel("Everybody's list begins with it").count(), 0);
    // One's own comes before everybody's.
    await page.goto(`${stage.base}/dashboard/orders`);
    await page.waitForURL(/view=reader-001.*Shipped/);
    await chief.getByLabel("Everybody's list begins with it").uncheck();
    await chief.getByText('first of orders:read').waitFor({ state: 'detached' });
    await other.goto(`${stage.base}/dashboard/orders`);
    await shows(other, [number]);
  });
}
