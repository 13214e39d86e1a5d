// @urql/core, which `urql` is on the web: fetch for what is asked, graphql-ws for what is followed.
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CREATE, EVENTS, LIST, follow } from './stage.mjs';

let ended = () => {};

await follow(({ base, token }) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const sockets = createClient({
    url: `${base.replace('http', 'ws')}/graphql/ws`,
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    retryAttempts: 0,
  });
  const client = new Client({
    url: `${base}/graphql`,
    preferGetMethod: false,
    fetchOptions: { headers: authorization },
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
  const whole = ({ data, error }) => {
    if (error) throw error;
    return data;
  };
  return {
    create: async (input, headers) =>
      whole(await client.mutation(CREATE, { input }, { fetchOptions: { headers } }).toPromise()).createSalesOrder,
    list: async () => whole(await client.query(LIST, {}).toPromise()).salesOrders.nodes,
    subscribe: (cursor, tell) =>
      new Promise((resolve, fail) => {
        const { unsubscribe } = client.subscription(EVENTS, { after: cursor() }).subscribe(({ data, error }) => {
          if (data) return tell(data.salesOrderEvents);
          unsubscribe();
          fail(error);
        });
        ended = resolve;
      }),
    close: async () => {
      await sockets.dispose();
      ended();
    },
  };
});
