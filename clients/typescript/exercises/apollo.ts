// Apollo Client: queries and mutations with types, persisted queries by GET, documents by their ids.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { AddToCartDocument, CartDocument, OrdersDocument, ProductsDocument, Session, possibleTypes, type Tokens } from '../src/index.ts';
import { market, signedIn } from './market.ts';

type Sent = { method: string; url: URL; body: Record<string, unknown> | null };

/** A client, and what it sent. */
function clientOf(session: Session, ...before: ApolloLink[]): { client: ApolloClient; sent: Sent[] } {
  const sent: Sent[] = [];
  const noted: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    const body = typeof init?.body === 'string' ? JSON.stringify(session.named(JSON.parse(init.body))) : null;
    sent.push({ method: init?.method ?? 'GET', url, body: body && JSON.parse(body) });
    return session.fetch(input, init);
  };
  const link = ApolloLink.from([...before, new HttpLink({ uri: market.url, fetch: noted })]);
  return { client: new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes }) }), sent };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const anonymous = (): Session => new Session({ url: market.url, device: 'exercise-apollo' });

test('a query is answered, typed, and kept in the cache', async () => {
  const { client, sent } = clientOf(anonymous());

  const first = await client.query({ query: ProductsDocument, variables: { first: 5 } });
  const again = await client.query({ query: ProductsDocument, variables: { first: 5 } });

  const price: string | undefined = first.data?.products.nodes[0]?.lowestPrice.amount;
  assert.equal(price, '19.90');
  assert.deepEqual(again.data, first.data);
  assert.equal(sent.length, 1);
});

test('a mutation changes what a query has shown, for the cart is one object to the cache', async () => {
  const { client } = clientOf(await signedIn('阿波'));
  const before = await client.query({ query: CartDocument, variables: {} });
  assert.equal(before.data?.cart.units, 0);

  const added = await client.mutate({
    mutation: AddToCartDocument,
    variables: { input: { skuId: market.skuId, quantity: 2 } },
    update: (cache, { data }) => {
      if (data?.addToCart.__typename === 'Cart') {
        cache.writeQuery({ query: CartDocument, variables: {}, data: { cart: data.addToCart } });
      }
    },
  });

  assert.equal(added.data?.addToCart.__typename, 'Cart');
  const after = await client.query({ query: CartDocument, variables: {} });
  assert.equal(after.data?.cart.units, 2);
});

test('a refusal is an answer: a member of the union, with its code and facts', async () => {
  const { client } = clientOf(await signedIn('阿波', { language: () => 'en' }));

  const { data } = await client.mutate({
    mutation: AddToCartDocument,
    variables: { input: { skuId: market.skuId, quantity: 998 } },
  });

  assert.equal(data?.addToCart.__typename, 'CartLineFull');
  if (data?.addToCart.__typename === 'CartLineFull') {
    assert.equal(data.addToCart.code, 'CART_LINE_FULL');
    assert.equal(data.addToCart.mostUnits, 999);
    assert.match(data.addToCart.message, /^[\x20-\x7e]+$/);
  }
});

test('a fault is an error with a code', async () => {
  const { client } = clientOf(anonymous());

  const asked = client.query({ query: OrdersDocument, variables: {} });

  await assert.rejects(asked, (error) => {
    assert.ok(CombinedGraphQLErrors.is(error));
    assert.deepEqual([error.errors[0]?.extensions?.code, error.errors[0]?.message], ['UNAUTHENTICATED', '请先登录']);
    return true;
  });
});

test('requests that meet 401 at the same time are sent again after one refresh', async () => {
  const kept: (Tokens | null)[] = [];
  const session = await signedIn('阿波', { keep: (tokens) => kept.push(tokens) });
  session.use({ ...session.tokens!, accessToken: `${session.tokens!.accessToken.slice(0, -6)}AAAAAA` });
  const { client, sent } = clientOf(session);

  const [orders, cart] = await Promise.all([
    client.query({ query: OrdersDocument, variables: {} }),
    client.query({ query: CartDocument, variables: {} }),
  ]);

  assert.deepEqual(orders.data?.orders.nodes, []);
  assert.equal(cart.data?.cart.units, 2);
  assert.deepEqual([sent.length, kept.length], [2, 3]); // signed in, spoilt, refreshed
});

test('a persisted query goes by GET: its hash first, its text once, then the hash alone', async () => {
  const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const { client, sent } = clientOf(anonymous(), persisted);
  const variables = { first: 3, search: `桂花${Date.now()}` };

  await client.query({ query: ProductsDocument, variables });
  const again = { query: ProductsDocument, variables, fetchPolicy: 'network-only' } as const;
  const { data } = await client.query(again);

  assert.deepEqual(data?.products.nodes, []);
  const last = sent.at(-1)!;
  assert.equal(last.method, 'GET');
  assert.equal(last.url.searchParams.get('query'), null);
  assert.match(last.url.searchParams.get('extensions')!, /"sha256Hash":"[0-9a-f]{64}"/);
  assert.ok(sent.length === 2 || sent.length === 3); // the text went along unless somebody had sent it before
});

test('a registered document is asked for by its id, and its text stays at home', async () => {
  const { client, sent } = clientOf(new Session({ url: market.url, device: 'exercise-apollo', trusted: true }));

  const { data } = await client.query({ query: ProductsDocument, variables: { first: 1 } });

  assert.equal(data?.products.nodes.length, 1);
  assert.equal(data?.products.nodes[0]?.__typename, 'Product');
  assert.deepEqual(Object.keys(sent[0]!.body!).sort(), ['documentId', 'extensions', 'operationName', 'variables']);
});
