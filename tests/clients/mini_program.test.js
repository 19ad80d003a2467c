// clients/mini-program against a running market, on phones of our own.
const assert = require('node:assert/strict');
const { readdirSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const WebSocket = require('ws');
const { newPhone } = require('./wx');

const market = JSON.parse(process.env.MARKET);
const folder = process.env.MINI_PROGRAM;
const until = async (isSo, found = () => '', seconds = 15) => {
  for (const end = Date.now() + seconds * 1000; !isSo(); ) {
    assert.ok(Date.now() < end, `not within ${seconds} s: ${isSo}; ${found()}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

/** The app, started on a phone: every phone has its own copy of the client. */
function start(phone, options = {}) {
  for (const name of readdirSync(folder)) delete require.cache[join(folder, name)];
  global.wx = phone.wx;
  const client = require(join(folder, 'nightmarket.js'));
  return { ...client.openMarket({ url: market.url, socketUrl: market.socketUrl, ...options }), newKey: client.newKey };
}
const phoneOf = (openid, storage) => newPhone({ ...market.wechat, openid }, storage);
const withStaleToken = (phone) => {
  const kept = phone.storage.get('market.tokens');
  phone.storage.set('market.tokens', { ...kept, accessToken: `${kept.accessToken.slice(0, -6)}AAAAAA` });
};

test('signs in with WeChat, once, and is still signed in after a restart', async () => {
  const phone = phoneOf('o-mei');
  const app = start(phone);
  assert.equal((await app.signIn()).__typename, 'SignedIn');
  const me = await app.ask('Viewer');

  const later = start(phoneOf('o-mei', phone.storage));

  assert.equal(later.isSignedIn(), true);
  assert.equal((await later.ask('Viewer')).id, me.id);
  assert.match(me.id, /^account_/);
  await later.signOut();
  assert.equal(later.isSignedIn(), false);
  assert.equal(await later.ask('Viewer'), null);
});

test('sends ids and never a document, its device and its language', async () => {
  const phone = phoneOf('o-mei');
  const app = start(phone, { language: 'en' });
  await assert.rejects(app.ask('Orders'), { code: 'UNAUTHENTICATED', message: /sign in/ });

  const [{ data, header, statusCode }] = phone.sent;
  assert.match(data.documentId, /^sha256:[0-9a-f]{64}$/);
  assert.equal(data.query, undefined);
  assert.equal(header['X-Device-Id'], phone.storage.get('market.device'));
  assert.equal(header['Accept-Language'], 'en');
  assert.equal(statusCode, 200);
});

test('renews its tokens once when several requests meet 401 at the same time', async () => {
  const phone = phoneOf('o-once');
  await start(phone).signIn();
  withStaleToken(phone);
  const again = phoneOf('o-once', phone.storage);
  const app = start(again);

  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => app.ask('Cart')));

  assert.deepEqual(answers.map(({ units }) => units), [0, 0, 0, 0, 0, 0]);
  assert.equal(again.sent.filter(({ data }) => data.variables.input?.refreshToken).length, 1);
  assert.equal(again.sent.filter(({ statusCode }) => statusCode === 401).length, 6);
  assert.equal(again.sent.length, 13);
});

test('signs in again by itself when its session is over', async () => {
  const phone = phoneOf('o-over');
  const app = start(phone);
  await app.signIn();
  const me = await app.ask('Viewer');
  phone.storage.set('market.tokens', { accessToken: `${phone.storage.get('market.tokens').accessToken}x`, refreshToken: 'gone' });

  const again = start(phoneOf('o-over', phone.storage));

  assert.equal((await again.ask('Viewer')).id, me.id);
});

/** The phone's first request for the operation is answered with this, and never sent. */
function answerOnce(phone, name, statusCode, data) {
  const { request } = phone.wx;
  const { [name]: id } = require(join(folder, 'documents.js'));
  const answered = { times: 0 };
  phone.wx.request = (wish) => {
    if (wish.data.documentId !== id || answered.times) return request(wish);
    answered.times += 1;
    return queueMicrotask(() => wish.success({ statusCode, data, header: {}, errMsg: 'request:ok' }));
  };
  return answered;
}
const tooOften = { errors: [{ message: '操作太频繁，请稍后再试', extensions: { code: 'RATE_LIMITED', retryAfter: 0.1 } }] };
const tooLong = { errors: [{ message: '操作太频繁，请稍后再试', extensions: { code: 'RATE_LIMITED', retryAfter: 60 } }] };

test('a renewal that comes too often waits, and nobody is signed out', async () => {
  const first = phoneOf('o-patient');
  await start(first).signIn();
  withStaleToken(first);
  const phone = phoneOf('o-patient', first.storage);
  const app = start(phone);
  const before = phone.storage.get('market.tokens').refreshToken;
  const long = answerOnce(phone, 'RefreshSession', 429, tooLong);

  await assert.rejects(app.ask('Cart'), { code: 'RATE_LIMITED', retryAfter: 60 });
  assert.equal(phone.storage.get('market.tokens').refreshToken, before);
  const short = answerOnce(phone, 'RefreshSession', 429, tooOften);
  assert.equal((await app.ask('Cart')).units, 0);

  assert.deepEqual([long.times, short.times], [1, 1]);
  assert.notEqual(phone.storage.get('market.tokens').refreshToken, before);
});

test('an operation that nobody has registered is not even sent', async () => {
  const phone = phoneOf('o-mei');
  const app = start(phone);

  await assert.rejects(app.ask('Nonsense'), /documents.js has no operation Nonsense/);
  assert.throws(() => app.watch('FlashSaleTicketEvents', 'Nonsense', {}, () => null), /no operation Nonsense/);

  assert.deepEqual([phone.sent, phone.sockets], [[], []]);
});

test('a watch of somebody who is not signed in ends, and says why', async () => {
  for (const options of [{}, { socketUrl: 'ws://127.0.0.1:9/graphql' }]) {
    const phone = phoneOf('o-nobody');
    const heard = [];
    start(phone, options).watch('FlashSaleTicketEvents', 'FlashSaleTicket', { id: market.saleItemId }, (told) => heard.push(told));

    await until(() => heard.length);
    const asked = phone.sent.length;
    await new Promise((done) => setTimeout(done, 1200));

    assert.deepEqual(heard.map(({ code }) => code), ['UNAUTHENTICATED']);
    assert.equal(phone.sent.length, asked);
  }
});

test('waits as long as it is told when it asks too often', async () => {
  const phone = phoneOf('o-hasty');
  const app = start(phone);
  await app.signIn();
  const pay = () => app.ask('PayOrder', { input: { orderId: market.skuId.replace('sku', 'order'), idempotencyKey: app.newKey() } });

  const answers = await Promise.all(Array.from({ length: 11 }, pay)); // ten at once are let in, then one in two seconds

  assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set(['NOT_FOUND']));
  assert.ok(phone.sent.some(({ statusCode }) => statusCode === 429));
});

test('browses, fills the cart, orders and pays', async () => {
  const phone = phoneOf('o-buyer');
  const app = start(phone);
  await app.signIn();
  const { nodes } = await app.ask('Products', { first: 5, search: '桂花' });
  const { skus } = await app.ask('Product', { id: nodes[0].id });
  await app.ask('AddToCart', { input: { skuId: skus[0].id, quantity: 2 } });
  const address = await app.ask('CreateAddress', { input: { address: market.address } });
  const fulfilment = { delivery: { addressId: address.id } };
  const quote = await app.ask('Quote', { input: { fromCart: true, fulfilment } });
  assert.deepEqual(quote.problems, []);

  const wish = { fromCart: true, fulfilment, expectedTotal: quote.total.minor, idempotencyKey: app.newKey() };
  const order = await app.ask('PlaceOrder', { input: wish });
  const repeated = await app.ask('PlaceOrder', { input: wish });
  const { wechat } = await app.ask('PayOrder', { input: { orderId: order.id, idempotencyKey: app.newKey() } });
  await new Promise((success, fail) => phone.wx.requestPayment({ ...wechat, success, fail }));

  assert.equal(repeated.id, order.id);
  let paid = order;
  for (const end = Date.now() + 10_000; paid.state === 'PLACED' && Date.now() < end; ) {
    await new Promise((done) => setTimeout(done, 100));
    paid = await app.ask('Order', { id: order.id });
  }
  assert.equal(paid.state, 'PAID');
});

test('a refusal is an answer, with a code and a sentence to show', async () => {
  const app = start(phoneOf('o-buyer'));
  await app.signIn();

  const refused = await app.ask('AddToCart', { input: { skuId: market.skuId, quantity: 999 } });
  const full = await app.ask('AddToCart', { input: { skuId: market.skuId, quantity: 999 } });

  assert.equal(refused.__typename, 'Cart');
  assert.equal(full.code, 'CART_LINE_FULL');
  assert.match(full.message, /[\u4e00-\u9fff]/);
});

test('what cannot be reached is a fault with a code, not an exception of its own', async () => {
  const app = start(phoneOf('o-far'), { url: 'http://127.0.0.1:9/graphql' });

  await assert.rejects(app.ask('ServerTime'), { code: 'NETWORK', message: /^request:fail/ });
});

test('counts down by the clock of the market', async () => {
  const app = start(phoneOf('o-mei'));

  await app.setClock();

  assert.ok(Math.abs(app.now() - Date.now()) < 1000);
});

test('follows a ticket until it is paid, also when the socket dies in the background', async () => {
  const phone = phoneOf('o-quick');
  const app = start(phone);
  await app.signIn();
  const leave = await app.ask('RequestFlashSalePass', { input: { itemId: market.saleItemId } });
  const ticket = await app.ask('ClaimFlashSale', { input: { pass: leave.pass, idempotencyKey: app.newKey() } });
  assert.equal(ticket.state, 'QUEUED');
  const heard = [];
  const stop = app.watch('FlashSaleTicketEvents', 'FlashSaleTicket', { id: ticket.id }, (told) => heard.push(told));

  await until(() => heard.some(({ state }) => state === 'RESERVED'));
  assert.equal(phone.sockets.length, 1);
  const before = heard.length;

  phone.hide(); // as in the background
  await until(() => phone.sockets.length === 2);
  await until(() => heard.length > before); // told at once how things stand

  const { wechat } = await app.ask('PayOrder', { input: { orderId: heard.at(-1).order.id, idempotencyKey: app.newKey() } });
  await new Promise((success, fail) => phone.wx.requestPayment({ ...wechat, success, fail }));
  await until(() => heard.at(-1).state === 'PAID');
  stop();
  const states = () => phone.sockets.map(({ readyState }) => readyState);
  await until(() => states().every((state) => state >= WebSocket.CLOSING), () => `sockets ${states()}`); // nobody needs one any more
});

async function payFor(app, phone, seat) {
  const { wechat } = await app.ask('PayOrder', { input: { orderId: seat.order.id, idempotencyKey: app.newKey() } });
  await new Promise((success, fail) => phone.wx.requestPayment({ ...wechat, success, fail }));
}

for (const [name, options] of Object.entries({ 'also when its socket dies': {}, 'by polls alone': { socketUrl: 'ws://127.0.0.1:9/graphql' } })) {
  test(`follows a group until it is full and hears everything once, ${name}`, async () => {
    const phone = phoneOf('o-opener');
    const app = start(phone, options);
    await app.signIn();
    const seat = await app.ask('OpenGroupBuy', { input: { ...market.groupBuy, idempotencyKey: app.newKey() } });
    assert.equal(seat.state, 'HELD', JSON.stringify(seat));
    const heard = [];
    app.watch('GroupBuyEvents', 'GroupBuyNews', { id: seat.groupBuy.id, since: 0 }, (news) => heard.push(...news.events));
    await payFor(app, phone, seat);
    await until(() => heard.length === 2);
    phone.hide(); // as in the background

    const friend = phoneOf('o-friend');
    const theirs = start(friend);
    await theirs.signIn();
    const wish = { groupBuyId: seat.groupBuy.id, itemId: market.groupBuy.itemId, idempotencyKey: theirs.newKey() };
    await payFor(theirs, friend, await theirs.ask('JoinGroupBuy', { input: wish }));
    await until(() => heard.length === 5);

    assert.deepEqual(heard.map(({ number }) => number), [1, 2, 3, 4, 5]);
    assert.deepEqual(heard.map(({ kind }) => kind), ['OPENED', 'PAID', 'JOINED', 'PAID', 'FILLED']);
    assert.equal((await app.ask('GroupBuy', { id: seat.groupBuy.id })).state, 'FILLED');
  });
}

for (const [name, options] of Object.entries({ 'also when its socket dies': {}, 'by polls alone': { socketUrl: 'ws://127.0.0.1:9/graphql' } })) {
  test(`follows a live room and hears everything once, ${name}`, async () => {
    const phone = phoneOf(`o-viewer-${name.length}`);
    const app = start(phone, options);
    await app.signIn();
    const room = await app.ask('LiveRoom', { id: market.roomId });
    assert.equal(room.state, 'LIVE');
    const [price] = room.items.find(({ isOnAir }) => isOnAir).livePrices;
    const heard = [];
    let orders = [];
    const stop = app.watch('RoomEvents', 'RoomNews', { roomId: room.id, since: room.lastEvent }, (news) => {
      const mine = news.__typename === 'RoomPersonalNews' ? news : news.mine;
      if (mine) orders = mine.orders;
      heard.push(...(news.events || []));
    });
    const write = (text) => app.ask('PostComment', { input: { roomId: room.id, text, idempotencyKey: app.newKey() } });

    assert.equal((await write('第一条')).state, 'SHOWN');
    await until(() => heard.length === 1);
    phone.hide(); // as in the background
    await write('第二条');
    await until(() => heard.length === 2);
    const address = await app.ask('CreateAddress', { input: { address: market.address } });
    const basket = { lines: [{ skuId: price.skuId, quantity: 1 }], fulfilment: { delivery: { addressId: address.id } }, roomId: room.id };
    const quote = await app.ask('Quote', { input: basket });
    const wish = { ...basket, expectedTotal: quote.total.minor, idempotencyKey: app.newKey() };
    const order = await app.ask('PlaceOrder', { input: wish });
    await payFor(app, phone, { order });
    await until(() => orders.some(({ id, state }) => id === order.id && state === 'PAID'));

    assert.deepEqual(heard.map(({ number }) => number), [room.lastEvent + 1, room.lastEvent + 2]);
    assert.deepEqual(heard.map(({ comment }) => comment.text), ['第一条', '第二条']);
    assert.equal(quote.lines[0].unitPrice.minor, price.price.minor);
    stop();
  });
}

test('without any socket the polls alone tell the same', async () => {
  const phone = phoneOf('o-polls');
  const app = start(phone, { socketUrl: 'ws://127.0.0.1:9/graphql' });
  await app.signIn();
  const leave = await app.ask('RequestFlashSalePass', { input: { itemId: market.saleItemId } });
  const ticket = await app.ask('ClaimFlashSale', { input: { pass: leave.pass, idempotencyKey: app.newKey() } });
  const heard = [];

  const stop = app.watch('FlashSaleTicketEvents', 'FlashSaleTicket', { id: ticket.id }, (told) => heard.push(told.state));
  await until(() => heard.includes('RESERVED'));

  stop();
});

test('where the app itself has opened every socket that WeChat allows, the polls tell the same', async () => {
  const phone = phoneOf('o-full');
  const app = start(phone);
  const others = [1, 2, 3, 4, 5].map(() => phone.wx.connectSocket({ url: market.socketUrl, protocols: ['graphql-transport-ws'] }));
  await app.signIn();
  const leave = await app.ask('RequestFlashSalePass', { input: { itemId: market.saleItemId } });
  const ticket = await app.ask('ClaimFlashSale', { input: { pass: leave.pass, idempotencyKey: app.newKey() } });
  const heard = [];

  const stop = app.watch('FlashSaleTicketEvents', 'FlashSaleTicket', { id: ticket.id }, (told) => heard.push(told.state));
  await until(() => heard.includes('RESERVED'));

  stop();
  assert.equal(others.length, 5);
  phone.hide();
});

test('a socket whose token is refused comes again with a new one', async () => {
  const phone = phoneOf('o-stale');
  const app = start(phone);
  await app.signIn();
  const leave = await app.ask('RequestFlashSalePass', { input: { itemId: market.saleItemId } });
  const ticket = await app.ask('ClaimFlashSale', { input: { pass: leave.pass, idempotencyKey: app.newKey() } });
  withStaleToken(phone);
  const again = phoneOf('o-stale', phone.storage);
  const codes = [];
  const later = start(again);
  const heard = [];
  const stop = later.watch('FlashSaleTicketEvents', 'FlashSaleTicket', { id: ticket.id }, (told) => heard.push(told.state));
  again.sockets[0].on('close', (code) => codes.push(code));

  await until(() => heard.includes('RESERVED'));

  assert.deepEqual(codes, [4403]);
  assert.equal(again.sockets.length, 2);
  stop();
  again.hide();
});
