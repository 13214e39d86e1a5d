import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from '@graphiql/toolkit';
import { parse, type DocumentNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { bearer, GRAPHQL, socketUrl } from '../api';
import { change, current } from './session';
import { sha256Hex, sign } from '../signing-key';

/** Sends what GraphiQL runs: with the token of who is signed in, and signed where the service asks for it. */
export function createFetcher(): Fetcher {
  const fetcher = createGraphiQLFetcher({
    url: GRAPHQL,
    fetch: send,
    // The service answers in one piece.
    enableIncrementalDelivery: false,
    // Opened for the first subscription and closed after the last one, so each sign-in gets a socket of its own.
    wsClient: createClient({ url: socketUrl(), lazy: true, connectionParams: authorization, retryAttempts: 0 }),
  });
  return (parameters, options) => {
    const documentAST = parsed(parameters.query);
    return documentAST
      ? fetcher(named(parameters, documentAST), { ...options, documentAST })
      : fetcher(parameters, options);
  };
}

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    // The server says what is wrong with it.
    return undefined;
  }
}

/**
 * GraphiQL finds out a moment after a change of tabs which operations the new one has. Whoever runs it sooner would send
 * the last tab's name with this tab's operation.
 */
function named(parameters: FetcherParams, { definitions }: DocumentNode): FetcherParams {
  const names = definitions.flatMap((one) => (one.kind === 'OperationDefinition' ? [one.name?.value ?? null] : []));
  if (names.length !== 1 || names[0] === parameters.operationName) return parameters;
  return { ...parameters, operationName: names[0] ?? null };
}

export function authorization(): Record<string, string> {
  return bearer(current().session);
}

const send: typeof fetch = async (url, init) => {
  const body = String(init?.body ?? '');
  // What stands in the headers editor comes last: whoever writes headers there means them.
  const written = new Headers(init?.headers);
  const headers = new Headers({ ...authorization(), ...(await signatureFor(body, written)) });
  written.forEach((value, name) => headers.set(name, value));
  return fetch(url, { ...init, headers });
};

/** The signature headers of a request that creates an order, if there is a key to sign it with. */
async function signatureFor(body: string, written: Headers): Promise<Record<string, string>> {
  const { session, key, form } = current();
  if (!key || !session || !creates(body)) return {};
  const timestamp = String(Math.floor(Date.now() / 1000));
  const bound = `POST:${GRAPHQL}:${await sha256Hex(body)}:${timestamp}`;
  // A key of the headers editor is the one that is sent, so it is the one to sign.
  const idempotencyKey = written.get('Idempotency-Key') ?? crypto.randomUUID();
  const stringToSign = {
    documented: `${session.clientId}|${timestamp}`,
    body_bound: bound,
    body_and_key_bound: `${bound}:${idempotencyKey}`,
  }[form];
  const headers = {
    'X-CLIENT-ID': session.clientId,
    'X-TIMESTAMP': timestamp,
    'X-SIGNATURE': await sign(key, stringToSign),
    ...(form === 'body_and_key_bound' && { 'Idempotency-Key': idempotencyKey }),
  };
  change({ signed: { stringToSign, headers } });
  return headers;
}

function creates(body: string): boolean {
  const { query } = JSON.parse(body) as { query?: unknown };
  return typeof query === 'string' && /\b(create|validate)SalesOrders?\b/.test(query);
}
