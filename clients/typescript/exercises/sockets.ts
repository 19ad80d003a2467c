// graphql-ws: a flash sale's ticket from QUEUED to RESERVED, the codes that close a socket, and coming again.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { print } from 'graphql';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import WebSocket from 'ws';
import {
  ClaimFlashSaleDocument,
  FlashSaleTicketEventsDocument,
  RequestFlashSalePassDocument,
  type FlashSaleTicketEventsSubscription,
  Session,
} from '../src/index.ts';
import { market, post, signedIn } from './market.ts';

type Ticket = FlashSaleTicketEventsSubscription['flashSaleTicketEvents'];

/** A client that comes again whenever that may help, with a new token where the old one was refused. */
function clientOf(session: Session, options: Partial<ClientOptions> = {}): { client: Client; codes: number[] } {
  const codes: number[] = [];
  const client = createClient({
    url: market.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: session.connectionParams,
    retryAttempts: 3,
    retryWait: async () => {
      if (codes.at(-1) === 4403 && session.tokens) await session.refresh(session.tokens.accessToken);
    },
    shouldRetry: () => true,
    on: { closed: (event) => codes.push((event as { code: number }).code) },
    ...options,
  });
  return { client, codes };
}

/** Without the one with which the client itself leaves. */
const byServer = (codes: number[]): number[] => codes.filter((code) => code !== 1000);

async function claimed(session: Session): Promise<string> {
  const pass = await post(session, {
    query: print(RequestFlashSalePassDocument),
    variables: { input: { itemId: market.saleItemId } },
  });
  const wish = { pass: pass.data.requestFlashSalePass.pass, idempotencyKey: randomUUID() };
  const claim = await post(session, { query: print(ClaimFlashSaleDocument), variables: { input: wish } });
  assert.equal(claim.data.claimFlashSale.state, 'QUEUED');
  return claim.data.claimFlashSale.id;
}

function follow(client: Client, id: string): AsyncIterableIterator<Ticket> {
  const answers = client.iterate<FlashSaleTicketEventsSubscription>({
    query: print(FlashSaleTicketEventsDocument),
    variables: { id },
  });
  return (async function* () {
    for await (const { data } of answers) yield data!.flashSaleTicketEvents;
  })();
}

async function untilReserved(tickets: AsyncIterableIterator<Ticket>): Promise<string[]> {
  const states: string[] = [];
  while (states.at(-1) !== 'RESERVED') {
    const { value: ticket } = await tickets.next();
    assert.equal(ticket.__typename, 'FlashSaleTicket');
    states.push(ticket.state);
  }
  return states;
}

test('a ticket is followed until it is reserved', async () => {
  const session = await signedIn('抢一');
  const { client, codes } = clientOf(session);

  const states = await untilReserved(follow(client, await claimed(session)));
  await client.dispose();

  assert.equal(states.at(-1), 'RESERVED');
  assert.ok(states.slice(0, -1).every((state) => state === 'QUEUED'));
  assert.deepEqual(byServer(codes), []);
});

test('a refused token closes with 4403, and the client comes again with a new one', async () => {
  const session = await signedIn('抢二');
  const ticket = await claimed(session);
  session.use({ ...session.tokens!, accessToken: `${session.tokens!.accessToken.slice(0, -6)}AAAAAA` });
  const { client, codes } = clientOf(session);

  const states = await untilReserved(follow(client, ticket));
  await client.dispose();

  assert.equal(states.at(-1), 'RESERVED');
  assert.deepEqual(byServer(codes), [4403]);
});

test('a socket that was cut comes again, and is told at once how things stand', async () => {
  const session = await signedIn('抢三');
  const opened: WebSocket[] = [];
  const { client } = clientOf(session, { on: { opened: (socket) => opened.push(socket as WebSocket) } });
  const tickets = follow(client, await claimed(session));
  await tickets.next();

  opened[0]!.terminate();
  const states = await untilReserved(tickets);
  await client.dispose();

  assert.equal(states.at(-1), 'RESERVED');
  assert.equal(opened.length, 2);
});

test('what breaks the protocol is told by the code of the close', async () => {
  const closed = (socket: WebSocket) => new Promise<number>((done) => socket.on('close', done));
  const said = async (...messages: string[]): Promise<number> => {
    const socket = new WebSocket(market.socketUrl, 'graphql-transport-ws');
    socket.on('open', () => messages.forEach((message) => socket.send(message)));
    return closed(socket);
  };
  const init = '{"type":"connection_init"}';
  const subscribe = '{"id":"1","type":"subscribe","payload":{"query":"subscription { flashSaleTicketEvents(id: \\"x\\") { __typename } }"}}';

  assert.equal(await said('[]'), 4400);
  assert.equal(await said(subscribe), 4401);
  assert.equal(await said(init, init), 4429);
  assert.equal(await said(`{"type":"connection_init","payload":{"authorization":"Bearer nobody"}}`), 4403);
  assert.equal(await said('x'.repeat(70_000)), 1009);
});

test('a server that restarts says 1012, and its clients come again', { skip: !market.restarting }, async () => {
  const session = await signedIn('抢四');
  const { client, codes } = clientOf(session, { retryAttempts: 80, retryWait: () => delay(500) });
  const tickets = follow(client, await claimed(session));
  await untilReserved(tickets);

  process.kill(market.restarting!, 'SIGTERM');
  const states = await untilReserved(tickets);
  await client.dispose();

  assert.deepEqual(states, ['RESERVED']);
  assert.equal(codes[0], 1012);
});
