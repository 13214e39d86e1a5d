// @graphql-codegen with its client preset: typed documents, which graphql-sse runs.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { createClient } from 'graphql-sse';
import { graphql } from './generated/codegen/index.js';
import { follow } from './stage.mjs';

const Create = graphql(`
  mutation Create($input: CreateSalesOrderInput!) {
    createSalesOrder(input: $input) { replayed salesOrder { orderNumber totalAmount status } }
  }
`);
const List = graphql(`query List($where: SalesOrderFilter) { salesOrders(first: 10, where: $where) { nodes { orderNumber } } }`);
const Events = graphql(`
  subscription Events($after: String) { salesOrderEvents(after: $after) { cursor kind orderNumber } }
`);

await follow(({ base, token }) => {
  let extra: Record<string, string> = {};
  const client = createClient({
    url: `${base}/graphql`,
    headers: () => ({ Authorization: `Bearer ${token}`, ...extra }),
    retryAttempts: 0,
  });
  async function* run<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): AsyncGenerator<Data> {
    for await (const { data, errors } of client.iterate<Data>({ query: print(document), variables })) {
      if (!data) throw new Error(JSON.stringify(errors));
      yield data;
    }
  }
  const one = async <Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data> => {
    for await (const data of run(document, variables)) return data;
    throw new Error('no answer');
  };
  return {
    create: async (input, headers) => {
      extra = headers;
      return (await one(Create, { input })).createSalesOrder;
    },
    list: async () => (await one(List, { where: { status: { in: ['RECEIVED'] } } })).salesOrders.nodes,
    subscribe: async (cursor, tell) => {
      for await (const data of run(Events, { after: cursor() })) tell(data.salesOrderEvents);
    },
    close: () => client.dispose(),
  };
});
