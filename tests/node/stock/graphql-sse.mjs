// graphql-sse in its mode of distinct connections, for everything.
import { createClient } from 'graphql-sse';
import { CREATE, EVENTS, LIST, follow } from './stage.mjs';

await follow(({ base, token }) => {
  let extra = {};
  const client = createClient({
    url: `${base}/graphql`,
    headers: () => ({ Authorization: `Bearer ${token}`, ...extra }),
    retryAttempts: 0,
  });
  const one = async (payload) => {
    for await (const { data, errors } of client.iterate(payload)) {
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    }
  };
  return {
    create: async (input, headers) => {
      extra = headers;
      return (await one({ query: CREATE, variables: { input } })).createSalesOrder;
    },
    list: async () => (await one({ query: LIST })).salesOrders.nodes,
    subscribe: async (cursor, tell) => {
      const variables = { after: cursor() };
      for await (const { data } of client.iterate({ query: EVENTS, variables })) tell(data.salesOrderEvents);
    },
    close: () => client.dispose(),
  };
});
