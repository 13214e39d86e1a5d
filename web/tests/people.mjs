import assert from 'node:assert/strict';
import { kept, withBrowser } from './browser.mjs';

/** Sets what the provider says of somebody. */
async function known(provider, id, name, groups) {
  await fetch(`${provider}/people`, { method: 'POST', body: JSON.stringify({ id, name, groups }) });
}

/** Signs in at the provider, from the page of the dashboard. */
async function signIn(page, id) {
  await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
  await page.getByLabel('Name').fill(id);
  await page.getByRole('button', { name: 'Go on' }).click();
}

/** The provider's own pages are at its own address. */
const elsewhere = (provider) => new RegExp(`asks ${provider}/|^${provider}/`);

const screens = (page) => page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link').allInnerTexts();

/** A person signs in where they were, another tab needs no sign-in, and who signs out is signed out at the provider too. */
export async function signsInAndOut({ base, provider }) {
  await known(provider, 'jane.doe', 'Jane Doe', ['/sales']);
  await withBrowser(
    base,
    async (open) => {
      const page = await open();
      await page.goto(`${base}/dashboard/orders?status=RECEIVED`);
      await signIn(page, 'jane.doe');
      await page.getByText('Live', { exact: true }).waitFor();
      assert.equal(page.url(), `${base}/dashboard/orders?status=RECEIVED`);
      await page.locator('.who').getByText('Jane Doe').waitFor();
      const cookies = await page.context().cookies();
      const session = cookies.find(({ name }) => name === 'sales-order-session');
      assert.deepEqual([session.httpOnly, session.sameSite, session.path], [true, 'Strict', '/dashboard']);
      assert.ok(!(await kept(page)).includes(session.value), 'no script reads it');

      const tab = await page.context().newPage();
      await tab.goto(`${base}/dashboard`);
      await tab.locator('.who').getByText('Jane Doe').waitFor();
      await tab.close();

      // The token ends, and the next one comes from the session.
      const tokens = () => page.evaluate(() => JSON.parse(sessionStorage.getItem('dashboard:session')).token);
      const first = await tokens();
      await page.evaluate(() => {
        const held = JSON.parse(sessionStorage.getItem('dashboard:session'));
        sessionStorage.setItem('dashboard:session', JSON.stringify({ ...held, token: 'ended' }));
      });
      await page.reload();
      await page.getByText('Live', { exact: true }).waitFor();
      assert.notEqual(await tokens(), 'ended');
      assert.ok(first);

      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Yes' }).click();
      await page.getByRole('link', { name: 'Sign in with Example ID' }).waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
      await page.getByLabel('Name').waitFor();
    },
    new RegExp(`${elsewhere(provider).source}|401|WebSocket`),
  );
}

/** Who is in no group that may come in reads so, and can try again as somebody else. */
export async function refusesWhoIsInNoGroup({ base, provider }) {
  await known(provider, 'bob', 'Bob', ['/kitchen']);
  await withBrowser(
    base,
    async (open) => {
      const page = await open();
      await page.goto(`${base}/dashboard`);
      await signIn(page, 'bob');
      await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
      await page.getByText('/kitchen').waitFor();
      await known(provider, 'bob', 'Bob', ['/support']);
      await page.getByRole('link', { name: 'Sign in again' }).click();
      await page.locator('.who').getByText('Bob').waitFor();
    },
    new RegExp(`${elsewhere(provider).source}|403`),
  );
}

/** Who looks after clients sees in which browsers a person is signed in, and ends a session. */
async function seesHerSessions(page, open, base) {
  const other = await open();
  await other.goto(`${base}/dashboard`);
  await signIn(other, 'jane.doe');
  await other.locator('.who').getByText('Jane Doe').waitFor();
  await page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name: 'Partners' }).click();
  await page.getByRole('row', { name: /Jane Doe/ }).getByRole('link').first().click();
  await page.getByText('Person, who signs in with a browser').waitFor();
  const sessions = page.getByRole('region', { name: 'Browser sessions of the person' }).getByRole('row');
  // With the head of the table.
  await sessions.nth(2).waitFor();
  await page.getByRole('button', { name: /^End the session from .+ in .+, signed in / }).first().click();
  await sessions.nth(2).waitFor({ state: 'detached' });
  assert.equal(await sessions.count(), 2);
}

/** The scopes are those of the groups at the sign-in. */
export async function losesTheScopeOfALostGroup({ base, provider }) {
  await known(provider, 'jane.doe', 'Jane Doe', ['/sales', '/admins']);
  await withBrowser(
    base,
    async (open) => {
      const page = await open();
      await page.goto(`${base}/dashboard`);
      await signIn(page, 'jane.doe');
      await page.locator('.who').getByText('Jane Doe').waitFor();
      assert.ok((await screens(page)).includes('Audit log'));
      await seesHerSessions(page, open, base);
      await known(provider, 'jane.doe', 'Jane Doe', ['/sales']);
      const tab = await open();
      await tab.goto(`${base}/dashboard`);
      await signIn(tab, 'jane.doe');
      await tab.locator('.who').getByText('Jane Doe').waitFor();
      assert.ok(!(await screens(tab)).includes('Audit log'));
    },
    elsewhere(provider),
  );
}
