import { at } from '../root';
import type { Check, Outcome } from './ask';

/** What each step asks, in the words of somebody who meets it for the first time. */
const STEPS: Record<string, string> = {
  HEADERS: 'The three headers are there',
  CLIENT_ID: 'X-CLIENT-ID is taken as given: here there is no bearer token to compare it with',
  TIMESTAMP_READABLE: 'X-TIMESTAMP can be read',
  TIMESTAMP_FRESH: "X-TIMESTAMP is near the server's time",
  SIGNATURE_READABLE: 'X-SIGNATURE can be decoded',
  SIGNATURE_TRUE: 'The key made this signature, over the text that it must cover',
};

const FORMS: Record<string, string> = { body_bound: 'body-bound', body_and_key_bound: 'body-and-key-bound' };

const OUTCOMES: Record<Outcome, string> = { PASSED: 'Passed', FAILED: 'Failed', NOT_REACHED: 'Not reached' };

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  content: string | Node[] = [],
  className = '',
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(typeof content === 'string' ? [content] : content));
  return made;
}

function link(name: string): HTMLElement {
  const made = element('a', [element('code', name)]);
  made.href = at(`/docs#${name}`);
  return made;
}

function text(value: string): HTMLElement {
  const made = element('pre', value);
  made.tabIndex = 0;
  return made;
}

/** A sentence of the server's, in which backticks mark code. */
function sentence(message: string): HTMLElement {
  const parts = message.split('`').map((part, index) =>
    index % 2 === 0 ? document.createTextNode(part) : element('code', part),
  );
  return element('p', parts);
}

function steps(check: Check): HTMLElement {
  const items = check.steps.map(({ name, outcome, message }) => {
    const parts: Node[] = [element('span', OUTCOMES[outcome], 'outcome'), element('span', STEPS[name] ?? name)];
    if (message) parts.push(sentence(message));
    return element('li', parts, outcome);
  });
  return element('ol', items, 'steps');
}

function facts(check: Check): HTMLElement {
  const list = element('dl', [], 'facts');
  const add = (name: string, ...values: Node[]): void => {
    list.append(element('dt', name), ...values.map((value) => element('dd', [value])));
  };
  if (check.code) add('Error code', link(check.code));
  if (check.hint) add('Hint', link(check.hint));
  if (check.form) add('Form', document.createTextNode(FORMS[check.form] ?? check.form));
  if (check.stringToSign) add(check.valid ? 'The text that was signed' : 'The text to sign', text(check.stringToSign));
  if (check.signedString) add('The text that was signed instead', text(visible(check.signedString)));
  if (check.bodyBoundString && check.bodyBoundString !== check.stringToSign) {
    add('The text of the body-bound form', text(check.bodyBoundString));
  }
  if (check.bodyAndKeyBoundString && check.bodyAndKeyBoundString !== check.stringToSign) {
    add('The text of the body-and-key-bound form', text(check.bodyAndKeyBoundString));
  }
  const keys = check.keyFingerprint ? [check.keyFingerprint] : check.keysTried;
  if (keys.length > 0) add('Fingerprint of the key', ...keys.map(text));
  add("Server's time", document.createTextNode(time(check)));
  return list;
}

/** Line breaks are what most often differs: they are shown as programs write them. */
function visible(signed: string): string {
  return signed.replaceAll('\r', '\\r').replaceAll('\n', '\\n\n');
}

function time({ serverTime, skewSeconds }: Check): string {
  if (skewSeconds === null) return serverTime;
  const seconds = Number(skewSeconds);
  if (seconds === 0) return `${serverTime}, the same second as X-TIMESTAMP`;
  return `${serverTime}; X-TIMESTAMP is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of it' : 'behind it'}`;
}

export function drawCheck(check: Check): Node[] {
  const verdict = check.valid ? 'The signature is valid' : 'The signature would be refused';
  return [
    element('h2', verdict, check.valid ? 'valid' : 'invalid'),
    // Otherwise the step that failed says it.
    ...(check.valid ? [sentence(check.message)] : []),
    steps(check),
    element('h2', 'What the server saw'),
    facts(check),
  ];
}

export function drawFailure(reason: string): Node[] {
  return [
    element('h2', 'There was nothing to check', 'invalid'),
    ...reason.split('\n').map(sentence),
  ];
}
