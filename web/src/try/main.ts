import { readKey, type SigningKey } from '../signing-key';
import { drawAnswer, drawFailure, drawLogin, drawSigned, drawSilence } from './draw';
import { logIn, send, signed, type Form, type Order } from './request';

const ORDER = {
  customer_code: 'CUST-001',
  site_code: 'SITE-001',
  sales_name: 'John Doe',
  address: 'Jl. Sudirman No. 1, Jakarta',
  products: [{ product_code: 'HD9650', quantity: 2 }],
};

const form = document.querySelector<HTMLFormElement>('#form');
const result = document.querySelector<HTMLElement>('#result');
const keyFacts = document.querySelector<HTMLElement>('#key-facts');
const keyTrouble = document.querySelector<HTMLElement>('#key-trouble');

let key: SigningKey | undefined;

/** The key that was chosen or pasted last; from then on the page has no text of it. */
async function take(pem: string, name: string): Promise<void> {
  key = undefined;
  keyFacts?.replaceChildren();
  keyTrouble?.replaceChildren();
  try {
    key = await readKey(pem, name);
    const fingerprint = document.createElement('code');
    fingerprint.textContent = key.fingerprint;
    keyFacts?.replaceChildren(`${name}: RSA, ${key.bits} bits, `, fingerprint);
  } catch (error) {
    keyTrouble?.replaceChildren(error instanceof Error ? error.message : 'The key cannot be read.');
  }
}

function order(form: HTMLFormElement, key: SigningKey): Order {
  const entered = new FormData(form);
  const field = (name: string): string => String(entered.get(name) ?? '');
  return {
    clientId: field('clientId'),
    secret: field('secret'),
    key,
    // Without a leading slash in the page: the service would put the prefix of its pages before it.
    path: `/api/v1/${field('path')}`,
    form: field('form') as Form,
    idempotencyKey: field('idempotencyKey').trim(),
    body: field('body'),
  };
}

async function run(form: HTMLFormElement, result: HTMLElement, isOnlySigned: boolean): Promise<void> {
  result.replaceChildren();
  if (!key) return result.append(drawFailure('There is no private key yet: choose its file or paste it.'));
  const asked = order(form, key);
  const before = await signed(asked);
  if (isOnlySigned) return result.append(drawSigned(before, asked.form !== 'documented'));
  const login = await logIn(asked);
  result.append(drawLogin(login));
  if (!login.ok) return;
  const { token } = JSON.parse(login.text) as { token: string };
  // Signed now, for the timestamp is to be that of the request.
  const last = await signed(asked);
  result.append(drawSigned(last, asked.form !== 'documented'));
  result.append(drawAnswer('Answer', await send(asked, last, token)));
}

if (form && result) {
  const named = <Element>(name: string): Element => form.elements.namedItem(name) as Element;
  named<HTMLInputElement>('idempotencyKey').value = crypto.randomUUID?.() ?? `try-${Date.now()}`;
  named<HTMLTextAreaElement>('body').value = JSON.stringify(ORDER, null, 2);
  const pasted = named<HTMLTextAreaElement>('key');
  const file = named<HTMLInputElement>('keyFile');
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen) void chosen.text().then((pem) => take(pem, chosen.name));
  });
  pasted.addEventListener('input', () => {
    // Half a key is still being typed or pasted.
    if (!/-----END [A-Z0-9 ]+-----\s*$/.test(pasted.value)) return;
    const pem = pasted.value;
    pasted.value = '';
    void take(pem, 'Pasted key');
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const buttons = form.querySelectorAll('button');
    const isOnlySigned = event.submitter?.getAttribute('value') === 'sign';
    buttons.forEach((button) => (button.disabled = true));
    run(form, result, isOnlySigned)
      .catch(() => result.append(drawSilence()))
      .finally(() => {
        buttons.forEach((button) => (button.disabled = false));
        result.focus();
      });
  });
}
