// A dashboard with a stock client:  node follow.mjs < told.json
// It follows the feed over WebSocket (graphql-ws) or server-sent events (graphql-sse), as they come from npm, with their own
// way of trying again. It logs in for each connection and goes on after the last cursor. What happens is written a line each,
// as JSON, until so many events came.
import { readFileSync } from 'node:fs';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWebSocket } from 'graphql-ws';
import WebSocket from 'ws';

const { base, transport, clientId, secret, query, variables, count } = JSON.parse(readFileSync(0, 'utf8'));

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** A token of a login, as soon as there can be one. */
async function authorization() {
  for (;;) {
    const body = JSON.stringify({ client_id: clientId, client_secret: secret });
    const login = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answer = await fetch(`${base}/api/v1/auth/login`, login).catch(() => undefined);
    if (answer?.ok) return `Bearer ${(await answer.json()).token}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const clients = {
  websocket: () =>
    createWebSocket({
      url: `${base.replace('http', 'ws')}/graphql/ws`,
      webSocketImpl: WebSocket,
      connectionParams: async () => ({ Authorization: await authorization() }),
      // Five by default, which is less than a minute of an outage: the test has a deadline of its own.
      retryAttempts: Infinity,
      on: {
        connected: () => say({ connected: true }),
        closed: ({ code, reason, wasClean }) => say({ closed: code, reason, wasClean }),
      },
    }),
  sse: () =>
    createSse({
      url: `${base}/graphql`,
      headers: async () => ({ Authorization: await authorization() }),
      retryAttempts: Infinity,
      on: { connected: () => say({ connected: true }) },
    }),
};

const client = clients[transport]();
// Sent again with each connection, as it is then.
const request = { query, variables };
let seen = 0;
client.subscribe(request, {
  next({ data, errors }) {
    if (errors) return say({ errors });
    const event = data.salesOrderEvents;
    request.variables.after = event.cursor;
    say({ order: event.orderNumber });
    seen += 1;
    if (seen === count) process.exit(0);
  },
  error(error) {
    say({ failed: String(error?.message ?? JSON.stringify(error)) });
    process.exit(1);
  },
  complete() {
    say({ completed: true });
    process.exit(1);
  },
});
