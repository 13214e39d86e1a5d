// @apollo/client: HTTP for what is asked, graphql-ws for what is followed.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CREATE, EVENTS, LIST, follow } from './stage.mjs';

await follow(({ base, token }) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const sockets = createClient({
    url: `${base.replace('http', 'ws')}/graphql/ws`,
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    retryAttempts: 0,
  });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(sockets),
      new HttpLink({ uri: `${base}/graphql`, headers: authorization }),
    ),
  });
  return {
    create: async (input, headers) => {
      const { data } = await client.mutate({ mutation: gql(CREATE), variables: { input }, context: { headers } });
      return data.createSalesOrder;
    },
    list: async () => (await client.query({ query: gql(LIST) })).data.salesOrders.nodes,
    subscribe: (cursor, tell) =>
      new Promise((complete, fail) => {
        const next = ({ data, error }) => (error ? fail(error) : tell(data.salesOrderEvents));
        client.subscribe({ query: gql(EVENTS), variables: { after: cursor() } }).subscribe({ next, error: fail, complete });
      }),
    close: async () => {
      client.stop();
      await sockets.dispose();
    },
  };
});
