import assert from 'node:assert/strict';
import { kept, withBrowser } from './browser.mjs';

const answer = (page) => page.locator('.result-window');
const run = (page) => page.getByRole('button', { name: 'Execute query' }).click();
const panel = (page, name) => page.getByRole('button', { name: new RegExp(`(Show|Hide) ${name}`) });

async function open(page, base) {
  await page.goto(`${base}/graphiql`);
  await page.locator('.graphiql-query-editor .monaco-editor').waitFor();
}

async function signIn(page, { clientId, secret }) {
  await page.getByLabel('Client id').fill(clientId);
  await page.getByLabel('Client secret').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('status').getByText(`Signed in as ${clientId}`).waitFor();
}

async function loadKey(page, { privateKey }) {
  await panel(page, 'Signing key').click();
  const name = 'private.pem';
  await page.getByLabel('Private key file').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(privateKey) });
}

const tab = (page, name) => page.getByRole('tab', { name }).or(page.locator('.graphiql-tab-button', { hasText: name })).first();

/** Pastes into the variables editor; typed, each bracket would be closed by the editor as well. */
async function setVariables(page, variables) {
  await page.locator('.graphiql-editor-tool .monaco-editor').first().click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, JSON.stringify(variables));
}

/** Runs the operation and gives the answer to it. */
async function answered(page) {
  const response = page.waitForResponse((response) => {
    // What GraphiQL asks about the schema by itself may be answered as late as this.
    const isItsOwn = response.request().postData()?.includes('IntrospectionQuery');
    return new URL(response.url()).pathname.endsWith('/graphql') && !isItsOwn;
  });
  await run(page);
  return (await response).json();
}

export async function createsAnOrderAndSeesItArrive(stage) {
  const { base, cursor, fingerprint } = stage;
  await withBrowser(base, async (window) => {
    const following = await window();
    await open(following, base);
    await signIn(following, stage);
    await tab(following, 'Follow').click();
    // After a known place in the feed, so that nothing can happen before the subscription is there.
    await setVariables(following, { after: cursor });
    const socket = following.waitForEvent('websocket');
    await run(following);
    assert.equal(new URL((await socket).url()).pathname, new URL(`${base}/graphql/ws`).pathname);

    const creating = await window();
    await open(creating, base);
    await signIn(creating, stage);
    await loadKey(creating, stage);
    await creating.getByText(fingerprint).waitFor();
    await tab(creating, 'CreateSalesOrder').click();
    const created = await answered(creating);
    const { orderNumber } = created.data.createSalesOrder.salesOrder;
    await answer(creating).getByText(orderNumber).waitFor();
    await creating.getByLabel('The text that was signed').getByText(/^[\w-]+\|\d+$/).waitFor();
    await answer(following).getByText(orderNumber).waitFor();

    for (const [form, text] of [
      ['body_bound', /^POST:.*\/graphql:[0-9a-f]{64}:\d+$/],
      ['body_and_key_bound', /^POST:.*\/graphql:[0-9a-f]{64}:\d+:[0-9a-f-]{36}$/],
    ]) {
      await creating.getByLabel('Form of the signature').selectOption(form);
      const bound = await answered(creating);
      assert.equal(bound.data.createSalesOrder.message, 'Sales order created successfully');
      await creating.getByLabel('The text that was signed').getByText(text).waitFor();
    }
  });
}

export async function forgetsEverySecret(stage) {
  const { base, clientId, secret } = stage;
  await withBrowser(base, async (window) => {
    const page = await window();
    await open(page, base);
    // As somebody does who does not see the panel: the secret typed into the editor.
    await setVariables(page, { input: { clientId, clientSecret: secret } });
    const { data } = await answered(page);
    await signIn(page, stage);
    await loadKey(page, stage);
    await tab(page, 'Page').click();
    await answered(page);
    const stored = await kept(page);
    for (const thing of [secret, data.login.token, data.login.token.split('.')[2], stage.privateKey.slice(60, 100)]) {
      assert.ok(!stored.includes(thing), 'nothing of it is stored');
    }
    await page.reload();
    await panel(page, 'Sign in').click();
    await page.getByLabel('Client secret').waitFor();
    assert.equal(await page.getByLabel('Client secret').inputValue(), '');
  });
}

/** Older tools write keys in an older form; and some files are no key at all. */
export async function readsKeysOfBothForms(stage) {
  const { base, fingerprint } = stage;
  await withBrowser(base, async (window) => {
    const page = await window();
    await open(page, base);
    await loadKey(page, { privateKey: stage.olderKey });
    await page.getByText(fingerprint).waitFor();
    for (const [privateKey, sentence] of [
      [stage.publicKey, 'This is a public key'],
      [stage.encryptedKey, 'openssl pkcs8 -in private.pem -out plain.pem'],
      ['no key', 'There is no PEM key'],
    ]) {
      const file = { name: 'key.pem', mimeType: 'text/plain', buffer: Buffer.from(privateKey) };
      await page.getByLabel('Private key file').setInputFiles(file);
      await page.getByRole('alert').getByText(sentence).waitFor();
      assert.equal(await page.getByText(fingerprint).count(), 0, 'the key before it is gone');
    }
  });
}
