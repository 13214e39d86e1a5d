import { explain, type Input } from './ask';
import { drawCheck, drawFailure } from './draw';
import { holdsPrivateKey } from './private-key';

const form = document.querySelector<HTMLFormElement>('#form');
const refusal = document.querySelector<HTMLElement>('#refusal');
const result = document.querySelector<HTMLElement>('#result');

const REFUSAL =
  'That was a private key. It was cleared here and was not sent anywhere. Use the public key, which ' +
  '"openssl pkey -in private.pem -pubout" prints. If others could see the private one, replace it.';

type Field = HTMLInputElement | HTMLTextAreaElement;

/** Clears every field that holds a private key. Says whether there was one. */
function refusePrivateKeys(fields: Field[]): boolean {
  const found = fields.filter((field) => field.type !== 'file' && holdsPrivateKey(field.value));
  for (const field of found) field.value = '';
  if (found.length > 0 && refusal) {
    refusal.textContent = REFUSAL;
    refusal.hidden = false;
    result?.replaceChildren();
    found[0]?.focus();
    refusal.scrollIntoView({ block: 'center' });
  }
  return found.length > 0;
}

function fields(form: HTMLFormElement): Field[] {
  return [...form.querySelectorAll<Field>('input, textarea')];
}

/** What is entered; what is left empty is left to the server. */
async function read(form: HTMLFormElement): Promise<Input> {
  const entered = new FormData(form);
  const field = (name: string): string => String(entered.get(name) ?? '');
  const file = entered.get('bodyFile');
  const body = file instanceof File && file.size > 0 ? await file.text() : field('body');
  return {
    clientId: field('clientId'),
    timestamp: field('timestamp'),
    signature: field('signature'),
    publicKey: field('publicKey'),
    signaturePolicy: field('signaturePolicy'),
    ...(field('method') && { method: field('method') }),
    ...(field('path') && { path: field('path') }),
    ...(body && { body }),
    ...(field('idempotencyKey') && { idempotencyKey: field('idempotencyKey') }),
  };
}

async function check(form: HTMLFormElement, result: HTMLElement): Promise<void> {
  result.removeAttribute('data-done');
  if (refusePrivateKeys(fields(form))) return;
  const input = await read(form);
  if (input.body !== undefined && holdsPrivateKey(input.body)) {
    result.replaceChildren(...drawFailure('The file holds a private key. It was not sent; choose the body instead.'));
    return;
  }
  try {
    result.replaceChildren(...drawCheck(await explain(input)));
  } catch (error) {
    result.replaceChildren(...drawFailure(error instanceof Error ? error.message : 'The server cannot be reached.'));
  }
  result.dataset['done'] = 'true';
  result.focus();
}

if (form && refusal && result) {
  // At once, and not only before something is sent: what is not on the page cannot leak from it.
  form.addEventListener('input', ({ target }) => {
    if (refusePrivateKeys(fields(form))) return;
    // Until something else is entered; a browser may report the clearing as input, too.
    if ((target as Field).value !== '') refusal.hidden = true;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void check(form, result);
  });
}
