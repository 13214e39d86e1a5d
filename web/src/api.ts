/** How the pages ask the service: documents by POST to `/graphql`, with the bearer token of who is signed in. */
import { LogIn, Refresh, type Document } from '../generated/documents';
import { at } from './root';

export const GRAPHQL = at('/graphql');

/** Where subscriptions go. */
export function socketUrl(): string {
  const socket = new URL(`${GRAPHQL}/ws`, window.location.href);
  socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
  return socket.href;
}

export interface Session {
  clientId: string;
  token: string;
  expiresAt: Date;
}

export interface Extensions {
  code?: string;
  scope?: string;
  currentVersion?: number;
  /** Seconds. */
  retryAfter?: number;
  errors?: { pointer: string; message: string }[];
}

/** What the service said instead of an answer; without a status it could not be reached. */
export class Refusal extends Error {
  readonly status: number | undefined;
  readonly extensions: Extensions;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;

  constructor(message: string, extensions: Extensions = {}, answer?: Response) {
    super(message);
    this.extensions = extensions;
    this.status = answer?.status;
    this.requestId = answer?.headers.get('X-Request-Id') ?? undefined;
    const seconds = Number(answer?.headers.get('Retry-After') ?? extensions.retryAfter ?? NaN);
    this.retryAfter = Number.isNaN(seconds) ? undefined : seconds;
  }
}

interface Body<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: Extensions }[];
  /** Of a refusal that is not GraphQL's: a problem (RFC 9457). */
  code?: string;
  detail?: string;
}

/** Milliseconds: longer than any answer takes; what has not come by then was lost on its way. */
const DEADLINE = 60_000;

/** Asks with a document. Where a part of the answer is missing, the whole of it is. */
export async function ask<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Data> {
  const answer = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query: document, variables }),
    signal: AbortSignal.any([...(signal ? [signal] : []), AbortSignal.timeout(DEADLINE)]),
  });
  const body = await read<Data>(answer);
  const [error] = body.errors ?? [];
  if (body.data && !error) return body.data;
  const message = error?.message ?? body.detail ?? `The service answered ${answer.status}.`;
  throw new Refusal(message, error?.extensions ?? (body.code ? { code: body.code } : {}), answer);
}

async function read<Data>(answer: Response): Promise<Body<Data>> {
  const text = await answer.text();
  try {
    return JSON.parse(text) as Body<Data>;
  } catch {
    // A proxy's page; its status tells more than its text.
    return {};
  }
}

export function bearer(session: Session | undefined): Record<string, string> {
  return session ? { Authorization: `Bearer ${session.token}` } : {};
}

export async function logIn(clientId: string, clientSecret: string): Promise<Session> {
  const { login } = await ask(LogIn, { input: { clientId, clientSecret } });
  return session(clientId, login);
}

/** The same session with a new token. */
export async function refreshed({ clientId, token }: Session): Promise<Session> {
  const { refresh } = await ask(Refresh, { input: { token } });
  return session(clientId, refresh);
}

export function session(clientId: string, given: { token: string; expiredAt: number } | null): Session {
  if (!given) throw new Refusal('The service gave no token.');
  // By this machine's clock, which may be another than the service's: a token that has just come has its whole life before it.
  const life = given.expiredAt - issuedAt(given.token);
  return { clientId, token: given.token, expiresAt: new Date(Date.now() + life * 1000) };
}

/** When the service issued a token, in seconds by its own clock. */
function issuedAt(token: string): number {
  const claims = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
  return (JSON.parse(atob(claims)) as { iat: number }).iat;
}
