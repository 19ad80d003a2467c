// urql: a query, a mutation, a refusal as a member of a union, and the codes of errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { AddToCartDocument, OrderDocument, OrdersDocument, ProductDocument, Session } from '../src/index.ts';
import { market, signedIn } from './market.ts';

function clientOf(session: Session): Client {
  return new Client({
    url: market.url,
    exchanges: [cacheExchange, fetchExchange],
    fetch: session.fetch,
    preferGetMethod: false, // what is not persisted is taken by POST only
  });
}

test('a query and a mutation are answered, typed', async () => {
  const client = clientOf(await signedIn('乌尔'));

  const bought = await client.mutation(AddToCartDocument, { input: { skuId: market.skuId } }).toPromise();
  assert.equal(bought.error, undefined);
  assert.equal(bought.data?.addToCart.__typename, 'Cart');
  const line = bought.data?.addToCart.__typename === 'Cart' ? bought.data.addToCart.lines[0] : undefined;
  const found = await client.query(ProductDocument, { id: line!.productId }).toPromise();

  assert.equal(found.data?.product?.skus[0]?.id, market.skuId);
});

test('a refusal is an answer, in the language asked for', async () => {
  const words: string[] = [];
  for (const language of ['zh-CN,zh;q=0.9,en;q=0.8', 'en-US,en;q=0.9']) {
    const client = clientOf(await signedIn('乌尔', { language: () => language }));
    const input = { skuId: market.skuId.replace(/.$/, (last) => (last === '0' ? '1' : '0')) };
    const { data, error } = await client.mutation(AddToCartDocument, { input }).toPromise();
    assert.equal(error, undefined);
    assert.equal(data?.addToCart.__typename, 'NotFound');
    if (data?.addToCart.__typename === 'NotFound') words.push(data.addToCart.message);
  }

  assert.equal(words[0], '找不到该商品规格');
  assert.match(words[1]!, /^no SKU with id sku_/);
});

test('errors carry codes, for a program to tell them apart', async () => {
  const stranger = clientOf(new Session({ url: market.url, device: 'exercise-urql' }));
  const shopper = clientOf(await signedIn('乌尔'));

  const codes = async (client: Client, ...asked: Parameters<Client['query']>) =>
    (await client.query(...asked).toPromise()).error?.graphQLErrors.map((error) => error.extensions.code);

  assert.deepEqual(await codes(stranger, OrdersDocument, {}), ['UNAUTHENTICATED']);
  assert.deepEqual(await codes(shopper, OrderDocument, { id: 'nonsense' }), ['BAD_USER_INPUT']);
  assert.deepEqual(await codes(shopper, OrdersDocument, { first: 101 }), ['BAD_USER_INPUT']);
  assert.deepEqual(await codes(shopper, '{ nobodyKnowsThis }', {}), ['GRAPHQL_VALIDATION_FAILED']);
});
