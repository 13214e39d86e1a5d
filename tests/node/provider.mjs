// A provider of identities on a free port:  node provider.mjs < settings.json
// It prints its address. Who signs in is whoever they say; POST /people sets their name and groups: {id, name, groups}.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { clientId, clientSecret, service } = JSON.parse(readFileSync(0, 'utf8'));
const people = new Map();

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${service}/dashboard/callback`],
      post_logout_redirect_uris: [`${service}/dashboard`],
    },
  ],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  // As most providers do: what is known of a person stands in the ID token.
  conformIdTokenClaims: false,
  cookies: { keys: ['a key of a test'] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => signOutPage(ctx, form) },
  },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  // Everybody agrees to what the service asks for.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile groups');
    await grant.save();
    return grant;
  },
  async findAccount(_, id) {
    const { name, groups } = people.get(id) ?? { name: id, groups: [] };
    return { accountId: id, claims: async () => ({ sub: id, name, preferred_username: id, groups }) };
  },
});

function signOutPage(ctx, form) {
  ctx.body = page(`<h1>Sign out?</h1>${form}<button form="op.logoutForm" name="logout" value="yes">Yes</button>`);
}

const page = (text) => `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">${text}</html>`;

async function read(request) {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

const callback = provider.callback();
server.on('request', async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === '/people') {
    const { id, ...person } = JSON.parse(await read(request));
    people.set(id, person);
    response.end();
  } else if (!pathname.startsWith('/interaction/')) {
    callback(request, response);
  } else if (request.method === 'POST') {
    const accountId = new URLSearchParams(await read(request)).get('name');
    await provider.interactionFinished(request, response, { login: { accountId } });
  } else {
    response.setHeader('content-type', 'text/html');
    response.end(page('<h1>Provider</h1><form method="post"><label>Name <input name="name"></label><button>Go on</button></form>'));
  }
});
console.log(issuer);
