import assert from 'node:assert/strict';
import { kept, withBrowser } from './browser.mjs';

/** The middle of the key, wherever line breaks are. */
const middleOf = (pem) => pem.replace(/-----[A-Z ]+-----|\s/g, '').slice(200, 260);

/** Signs with a key of the partner's, sees each text, validates, sends, and sends again; the key goes nowhere. */
export async function signsInTheBrowser(stage) {
  await withBrowser(stage.base, async (open) => {
    const page = await open();
    const sent = [];
    page.on('request', (request) => sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ''}`));
    await page.goto(`${stage.base}/docs/try`);
    const result = page.locator('#result');
    const press = (name) => page.getByRole('button', { name, exact: true }).click();
    await page.getByLabel('Client id').fill(stage.clientId);
    await page.getByLabel('Client secret').fill(stage.secret);
    await press('Only sign');
    await result.getByText('There is no private key yet').waitFor();

    await page.getByLabel('Or pasted').fill(stage.publicKey);
    await page.getByRole('alert').getByText('This is a public key').waitFor();
    await page.getByLabel('Or pasted').fill(stage.privateKey);
    await page.getByText(stage.fingerprint).waitFor();
    assert.equal(await page.getByLabel('Or pasted').inputValue(), '', 'the page has no text of the key any more');

    await press('Only sign');
    const text = await result.getByLabel('The text that is signed').innerText();
    assert.match(text, new RegExp(`^${stage.clientId}\\|\\d{10}$`));
    assert.ok(sent.every((request) => !request.includes('/api/')), 'nothing was sent');

    await press('Sign and send');
    await result.getByRole('heading', { name: 'Answer: 200' }).waitFor();
    const validated = await result.getByLabel('Body', { exact: true }).last().innerText();
    assert.ok(JSON.parse(validated), validated);

    await page.getByLabel('Endpoint').selectOption('sales-orders');
    await page.getByLabel('What is signed').selectOption('body_and_key_bound');
    await press('Sign and send');
    await result.getByRole('heading', { name: 'Answer: 201' }).waitFor();
    const bound = await result.getByLabel('The text that is signed').innerText();
    const key = await page.getByLabel('Idempotency-Key').inputValue();
    assert.ok(bound.startsWith('POST:') && bound.includes('/api/v1/sales-orders:') && bound.endsWith(`:${key}`), bound);
    await press('Sign and send');
    await result.getByText('idempotent-replayed: true').waitFor();

    assert.ok(!(await kept(page)).includes(stage.secret), 'nothing is kept');
    assert.equal(await kept(page), '');
    const middle = middleOf(stage.privateKey);
    assert.ok(sent.length > 6 && sent.every((request) => !request.includes(middle)), 'the key went nowhere');
    assert.ok(sent.every((request) => !request.includes(stage.secret) || request.includes('/auth/login')));
  });
}

/** A key that is not the partner's: the answer says so, and leads to what to do. */
export async function explainsARefusal(stage) {
  await withBrowser(
    stage.base,
    async (open) => {
      const page = await open();
      await page.goto(`${stage.base}/docs/try`);
      await page.getByLabel('Client id').fill(stage.clientId);
      await page.getByLabel('Client secret').fill(stage.secret);
      await page.getByLabel('Private key, as a file').setInputFiles({
        name: 'other.pem',
        mimeType: 'application/x-pem-file',
        buffer: Buffer.from(stage.otherKey),
      });
      await page.getByText('other.pem: RSA, 2048 bits').waitFor();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await page.getByRole('heading', { name: 'Answer: 401' }).waitFor();
      await page.getByRole('link', { name: 'INVALID_SIGNATURE' }).waitFor();
      await page.getByRole('link', { name: 'signature_mismatch' }).click();
      await page.locator('tr#signature_mismatch:target').waitFor();
      await page.goBack();
      assert.equal(await page.getByLabel('Client secret').inputValue(), '');
    },
    /status of 401/,
  );
}
