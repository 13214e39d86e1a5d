/**
 * People sign in at a provider of identities. What stands for them is a cookie that no script reads: it gives tokens of 10 minutes
 * to this page alone.
 */
import { Refusal, session, type Session } from '../api';
import { at } from '../root';

/** Where people sign in, as the service calls it; nothing where they do not. */
export const PROVIDER = document.querySelector<HTMLMetaElement>('meta[name="sign-in-with"]')?.content;

/** The address at which a sign-in begins that leads back to where the browser is. */
export function signInAddress(): string {
  const { pathname, search } = window.location;
  const here = pathname.slice(at('/').length - 1) + search;
  return `${at('/dashboard/sign-in')}?${new URLSearchParams({ to: here })}`;
}

async function ask(path: string): Promise<Response> {
  const answer = await fetch(at(path), {
    method: 'POST',
    // No page of another origin can send it, nor can a form.
    headers: { 'X-Requested-By': 'dashboard' },
    signal: AbortSignal.timeout(60_000),
  });
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  const message = problem.detail ?? `The service answered ${answer.status}.`;
  throw new Refusal(message, problem.code ? { code: problem.code } : {}, answer);
}

/** The next token of who is signed in in this browser. */
export async function tokenOfPerson(): Promise<Session | undefined> {
  const answer = await ask('/dashboard/session');
  if (answer.status === 204) return undefined;
  const given = (await answer.json()) as { client_id: string; token: string; expired_at: number };
  return session(given.client_id, { token: given.token, expiredAt: given.expired_at });
}

/** Ends the session of this browser. Gives where the person signs out at the provider too. */
export async function endPersonSession(): Promise<string | undefined> {
  const answer = await ask('/dashboard/sign-out');
  return ((await answer.json()) as { provider: string | null }).provider ?? undefined;
}
