// An identity provider (oidc-provider) on loopback. Prints {"issuer": URL} when it listens.
//   GET /control/rotate   a new signing key beside the old one, which is published still; answers its id
//   GET /control/asked    how often each path was asked
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const CLIENTS = {
  support: { tenant: 'demo', roles: ['agent'] },
  nobody: {},
  stranger: { tenant: 'acme', roles: ['analyst'], department: 'legal' },
};
const SCOPES = 'llm:access llm:other';
const asked = {};
let keys = [];
let provider;

function rotate() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  keys = [{ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }, ...keys].slice(0, 2);
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: Object.keys(CLIENTS).map((client_id) => ({
      client_id,
      client_secret: `${client_id}-secret`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    scopes: SCOPES.split(' '),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:regogate',
        getResourceServerInfo: () => ({
          audience: 'regogate',
          scope: SCOPES,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 60,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_, token) => CLIENTS[token.clientId],
  }).callback();
  return kid;
}

let issuer;
const server = createServer((request, response) => {
  const path = request.url.split('?')[0];
  asked[path] = (asked[path] ?? 0) + 1;
  if (path === '/control/rotate') response.end(JSON.stringify({ kid: rotate() }));
  else if (path === '/control/asked') response.end(JSON.stringify(asked));
  else provider(request, response);
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  rotate();
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on('end', () => process.exit(0)).resume();
