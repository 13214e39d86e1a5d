import { at } from '../root';
import type { Answer, Signed } from './request';

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  ...content: (string | Node)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

function text(value: string, label: string): HTMLElement {
  const made = element('pre', value);
  made.tabIndex = 0;
  made.setAttribute('aria-label', label);
  return made;
}

function facts(pairs: [string, string][]): HTMLElement {
  return element('dl', ...pairs.flatMap(([name, value]) => [element('dt', name), element('dd', text(value, name))]));
}

function lines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

/** JSON with a member in each line; whatever else it is, as it came. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function titled(title: string, isGood: boolean, ...content: Node[]): HTMLElement {
  const heading = element('h2', title);
  if (!isGood) heading.className = 'invalid';
  return element('section', heading, ...content);
}

export function drawSigned({ bodySha256, stringToSign, signature, headers }: Signed, isBodySigned: boolean): HTMLElement {
  return titled(
    'Signed',
    true,
    facts([
      ...(isBodySigned ? ([['SHA-256 of the body', bodySha256]] as [string, string][]) : []),
      ['The text that is signed', stringToSign],
      ['Its signature: RSASSA-PKCS1-v1_5 with SHA-256, in base64', signature],
      ['Headers', lines({ Authorization: 'Bearer <the token of the login>', ...headers })],
    ]),
  );
}

/** The token is shown to nobody who looks over a shoulder. */
export function drawLogin(answer: Answer): HTMLElement {
  const body = readable(answer.text).replace(/("token": ")([^"]{12})[^"]*/, '$1$2…');
  return drawAnswer('Login', { ...answer, text: body });
}

export function drawAnswer(title: string, { status, ok, headers, text: body }: Answer): HTMLElement {
  const drawn = titled(`${title}: ${status}`, ok, facts([['Headers', lines(headers)], ['Body', readable(body)]]));
  const problem = ok ? {} : codes(body);
  const about = [problem.code, problem.hint].filter((name) => name !== undefined);
  if (about.length > 0) {
    const links = about.flatMap((name, index) => {
      const link = element('a', element('code', name));
      link.href = at(`/docs#${name}`);
      return index === 0 ? [link] : [', ', link];
    });
    drawn.append(element('p', 'What it means and what to do: ', ...links, '.'));
  }
  return drawn;
}

function codes(body: string): { code?: string; hint?: string } {
  try {
    const { code, hint } = JSON.parse(body) as { code?: string; hint?: string };
    return { ...(code && { code }), ...(hint && { hint }) };
  } catch {
    return {};
  }
}

export function drawFailure(reason: string): HTMLElement {
  return titled('Nothing was sent', false, element('p', reason));
}

export function drawSilence(): HTMLElement {
  const advice = 'It may have been done. Send it again with the same Idempotency-Key: an order that was made is answered again.';
  return titled('No answer came', false, element('p', advice));
}
