// graphql-ws: it comes back by itself, and asks for what came after the newest cursor, because `after` is read anew.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CREATE, EVENTS, LIST, ask, follow } from './stage.mjs';

await follow(({ base, token, mended }) => {
  const client = createClient({
    url: `${base.replace('http', 'ws')}/graphql/ws`,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
    retryAttempts: Infinity,
    retryWait: mended,
    shouldRetry: () => true,
  });
  const all = async (payload) => {
    for await (const { data } of client.iterate(payload)) return data;
  };
  return {
    // What is signed goes by POST: a WebSocket's handshake cannot carry the signature of an operation.
    create: async (input, headers) => (await ask(CREATE, { input }, headers)).createSalesOrder,
    list: async () => (await all({ query: LIST })).salesOrders.nodes,
    subscribe: async (cursor, tell) => {
      const variables = { get after() { return cursor(); } };
      for await (const { data } of client.iterate({ query: EVENTS, variables })) tell(data.salesOrderEvents);
    },
    close: () => client.dispose(),
  };
});
