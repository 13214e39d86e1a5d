import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { withBrowser } from './browser.mjs';

async function check(page, { clientId, timestamp, signature, publicKey }) {
  await page.getByLabel('X-CLIENT-ID').fill(clientId);
  await page.getByLabel('X-TIMESTAMP').fill(timestamp);
  await page.getByLabel('X-SIGNATURE').fill(signature);
  await page.getByLabel('Public key').fill(publicKey);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.locator('#result[data-done]').waitFor();
  return page.locator('#result').innerText();
}

export async function showsWhichStepFails(stage) {
  const { base } = stage;
  await withBrowser(base, async (open) => {
    const page = await open();
    await page.goto(`${base}/docs/signature`);
    const valid = await check(page, stage);
    assert.match(valid, /The signature is valid/);
    assert.ok(valid.includes(stage.fingerprint) && valid.includes(`${stage.clientId}|${stage.timestamp}`), valid);
    assert.ok(!/Failed|Not reached/.test(valid), valid);

    const broken = await check(page, { ...stage, signature: stage.signatureOverLineBreak });
    assert.match(broken, /would be refused/);
    assert.match(broken, /Failed\s*The key made this signature/);
    await page.getByRole('link', { name: 'signed_trailing_newline' }).click();
    await page.locator('tr#signed_trailing_newline:target').waitFor();

    await page.goto(`${base}/docs/signature`);
    const milliseconds = await check(page, { ...stage, timestamp: `${stage.timestamp}000` });
    assert.match(milliseconds, /Failed\s*X-TIMESTAMP can be read/);
    assert.match(milliseconds, /milliseconds_not_seconds/);
    assert.match(milliseconds, /Not reached/);

    const refused = await check(page, { ...stage, publicKey: 'no key' });
    assert.match(refused, /publicKey/);

    await page.getByText('The request, for the forms that bind the body').click();
    await page.getByLabel('Or the body as a file').setInputFiles({
      name: 'order.json',
      mimeType: 'application/json',
      buffer: Buffer.from(stage.body),
    });
    await page.getByLabel('Which forms count').selectOption('BODY_BOUND');
    const bound = await check(page, { ...stage, signature: stage.boundSignature });
    assert.match(bound, /The signature is valid/);
    assert.match(bound, /body-bound/);

    await page.getByLabel('Which forms count').selectOption('BODY_AND_KEY_BOUND');
    await page.getByRole('textbox', { name: 'Idempotency-Key' }).fill('po-4711');
    const keyBound = await check(page, { ...stage, signature: stage.keyBoundSignature });
    assert.match(keyBound, /The signature is valid/);
    assert.match(keyBound, /body-and-key-bound/);
    await page.getByRole('textbox', { name: 'Idempotency-Key' }).fill('po-4712');
    const otherKey = await check(page, { ...stage, signature: stage.keyBoundSignature });
    assert.match(otherKey, /would be refused/);
    assert.ok(otherKey.includes(':po-4712'), otherKey);
  });
}

export async function refusesPrivateKeys(stage) {
  const { base } = stage;
  await withBrowser(base, async (open) => {
    const page = await open();
    const sent = [];
    page.on('request', (request) => sent.push(request.postData() ?? ''));
    await page.goto(`${base}/docs/signature`);
    const bare = stage.privateKey.replace(/-----[A-Z ]+-----/g, '').trim();
    for (const field of ['Public key', 'X-SIGNATURE', 'X-CLIENT-ID']) {
      for (const key of [stage.privateKey, stage.olderKey, stage.encryptedKey, bare]) {
        await page.getByLabel(field).fill(key);
        await page.getByRole('alert').getByText('That was a private key').waitFor();
        assert.equal(await page.getByLabel(field).inputValue(), '', 'the field is cleared');
        await page.getByLabel(field).fill('x');
        assert.equal(await page.getByRole('alert').count(), 0, 'the alarm ends with the next input');
      }
    }
    await page.getByText('The request, for the forms that bind the body').click();
    const file = { name: 'private.pem', mimeType: 'text/plain', buffer: Buffer.from(stage.privateKey) };
    await page.getByLabel('Or the body as a file').setInputFiles(file);
    await page.getByLabel('X-TIMESTAMP').fill('1');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('The file holds a private key').waitFor();
    const secret = bare.slice(40, 90);
    assert.ok(!sent.some((body) => body.includes(secret) || body.includes('explainSignature')), 'nothing was sent');
  });
}

export async function verifiesWebhooksByItself({ base }) {
  await withBrowser(base, async (open) => {
    const page = await open();
    await page.goto(`${base}/docs/signature`);
    const sent = [];
    // The icon, which a browser asks for when it likes, has nothing of the webhook.
    page.on('request', (request) => request.url().endsWith('.svg') || sent.push(request.url()));
    const key = Buffer.alloc(32, 7);
    const secret = `whsec_${key.toString('base64')}`;
    const body = '{"type":"sales_order.created","data":{"note":"№ 1 \\u00e9"}}';
    const now = Math.floor(Date.now() / 1000);
    const signed = (timestamp, text) =>
      `v1,${createHmac('sha256', key).update(`msg_1.${timestamp}.${text}`).digest('base64')}`;
    const verify = async (entered) => {
      const webhook = { secret, id: 'msg_1', timestamp: `${now}`, signature: signed(now, body), body, ...entered };
      await page.getByLabel('Secret of the endpoint').fill(webhook.secret);
      await page.getByLabel('webhook-id').fill(webhook.id);
      await page.getByLabel('webhook-timestamp').fill(webhook.timestamp);
      await page.getByLabel('webhook-signature').fill(webhook.signature);
      await page.getByRole('textbox', { name: 'Raw body' }).fill(webhook.body);
      await page.getByRole('button', { name: 'Verify the webhook' }).click();
      await page.locator('#webhook-result[data-done]').waitFor();
      return page.locator('#webhook-result').innerText();
    };
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    for (const [entered, told] of [
      [{}, /is genuine/],
      [{ secret: `${other} ${secret}` }, /is genuine/],
      [{ signature: `v9,AAAA v1,AAAA ${signed(now, body)}` }, /is genuine/],
      [{ timestamp: `${now - 900}`, signature: signed(now - 900, body) }, /is genuine[^]*9\d\d seconds behind/],
      [{ id: '', signature: '' }, /refused[^]*Missing: webhook-id, webhook-signature/],
      [{ secret: other }, /refused[^]*No given secret/],
      [{ secret: 'secret' }, /refused[^]*begins with whsec_/],
      [{ timestamp: 'yesterday' }, /refused[^]*unix seconds/],
      [{ signature: 'v1a,AAAA' }, /refused[^]*begins with v1,/],
      [{ signature: 'v1,%%%' }, /refused[^]*base64/],
      [{ body: '' }, /refused[^]*body is empty/],
      [{ body: `${body}\n` }, /refused[^]*white space before or after/],
      [{ body: body.replace('1', '2') }, /refused[^]*No given secret/],
      [
        { body: JSON.stringify(JSON.parse(body), null, 2), signature: signed(now, JSON.stringify(JSON.parse(body))) },
        /refused[^]*parsed and written again/,
      ],
    ]) {
      assert.match(await verify(entered), told, JSON.stringify(entered));
    }
    assert.deepEqual(sent, [], 'a secret leaves the page for nowhere');
  });
}
