// Night Market for WeChat mini-programs: sign in, ask, and follow what happens, with nothing but wx.* underneath.
const documents = require('./documents');

/** A fault: `code` is fixed (docs/mini-program.md lists them), `message` is for people, `retryAfter` are seconds. */
class MarketError extends Error {
  constructor(code, message, retryAfter) {
    super(message);
    Object.assign(this, { code, retryAfter });
  }
}
const newKey = () => [0, 0, 0].map(() => Math.random().toString(36).slice(2, 10).padEnd(8, '0')).join('');
const LAST_WORDS = ['NOT_FOUND', 'BANNED_FROM_ROOM']; // after which nothing more is told
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const idOf = (name) => {
  if (!documents[name]) throw new Error(`documents.js has no operation ${name}`);
  return documents[name];
};

/** `url` and `socketUrl` of the API; `language` like "zh-CN". One for the whole app, made in app.js. */
function openMarket({ url, socketUrl, language = 'zh-CN' }) {
  let tokens = wx.getStorageSync('market.tokens') || null;
  const device = wx.getStorageSync('market.device') || newKey();
  wx.setStorageSync('market.device', device);
  let renewing = null; // the one renewal that everybody waits for
  let clockAhead = 0; // milliseconds by which the market's clock is before ours
  const watches = new Map();
  let socket = null;
  let isLive = false; // the socket's handshake is done
  let failures = 0;

  const keep = (signedIn) => {
    tokens = signedIn && { accessToken: signedIn.accessToken, refreshToken: signedIn.refreshToken };
    wx.setStorageSync('market.tokens', tokens || '');
  };
  const unreachable = (fail) => ({ errMsg }) => fail(new MarketError('NETWORK', errMsg));
  const send = (name, variables, token) => new Promise((success, fail) => wx.request({
    url,
    method: 'POST',
    data: { documentId: idOf(name), variables },
    header: {
      'content-type': 'application/json',
      'Accept-Language': language,
      'X-Device-Id': device,
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    success,
    fail: unreachable(fail),
  }));

  async function call(name, variables, token, tries = 3) {
    const { statusCode, data } = await send(name, variables, token);
    const [error] = data.errors || [];
    if (!error && data.data) return Object.values(data.data)[0];
    const { code = `HTTP_${statusCode}`, retryAfter } = (error && error.extensions) || {};
    if (code === 'RATE_LIMITED' && tries > 1 && retryAfter <= 10) {
      await pause(retryAfter * 1000 + Math.random() * 200);
      return call(name, variables, token, tries - 1);
    }
    throw new MarketError(code, error ? error.message : `HTTP ${statusCode}`, retryAfter);
  }

  /** The answer of an operation's root field. Rejects with a MarketError; a refusal is an answer with `code` and `message`. */
  async function ask(name, variables = {}) {
    const token = tokens && tokens.accessToken;
    try {
      return await call(name, variables, token);
    } catch (fault) {
      if (fault.code !== 'UNAUTHENTICATED' || !token || !(await renew(token))) throw fault;
      return call(name, variables, tokens && tokens.accessToken);
    }
  }

  /** Sign in with WeChat, which asks the shopper nothing. The answer is SignedIn or a refusal. */
  async function signIn() {
    const { code } = await new Promise((success, fail) => wx.login({ success, fail: unreachable(fail) }));
    const answer = await ask('SignInWithWechat', { input: { code, device: wx.getDeviceInfo().model } });
    if (answer.accessToken) keep(answer);
    return answer;
  }

  /** Sign out on this device, also where the server cannot be told. */
  async function signOut() {
    await ask('SignOut').catch(() => null);
    keep(null);
  }

  /** New tokens for a stale one, once for all who wait; whether there are any. Rejects where nobody can say: the old ones stay. */
  function renew(stale) {
    if (!tokens || tokens.accessToken !== stale) return Promise.resolve(tokens !== null);
    renewing = renewing || renewOnce().finally(() => (renewing = null));
    return renewing;
  }
  async function renewOnce() {
    const answer = await call('RefreshSession', { input: { refreshToken: tokens.refreshToken } });
    keep(answer.accessToken ? answer : null);
    return tokens !== null || Boolean((await signIn()).accessToken);
  }

  /** Follow a subscription, and its polling twin while no socket is up, until it ends or has a `code`. Gives back what stops it. */
  function watch(subscription, twin, variables, onAnswer) {
    const [id, documentId] = [newKey(), idOf(subscription)];
    idOf(twin);
    let known = variables; // where events are numbered, those that were told
    const hear = (answer, isLast = answer.pollAfterMs === null || LAST_WORDS.includes(answer.code)) => {
      if (!watches.has(id)) return;
      if (isLast) forget(id); // it cannot change any more
      if (answer.lastEvent !== undefined) known = { ...variables, since: answer.lastEvent };
      onAnswer(answer);
    };
    const subscribe = () => say({ id, type: 'subscribe', payload: { documentId, variables: known } });
    const poll = async () => {
      if (!watches.has(id)) return;
      const asked = known;
      const answer = isLive ? {} : await ask(twin, asked).catch((fault) => fault);
      if (answer.code === 'UNAUTHENTICATED') hear(answer, true);
      else if (answer.__typename && !isLive && asked === known) hear(answer); // the socket, if it is up again, tells newer things
      setTimeout(poll, answer instanceof Error ? 3000 : answer.pollAfterMs || 1000);
    };
    watches.set(id, { hear, subscribe });
    if (isLive) subscribe();
    connect();
    setTimeout(poll, 1000);
    return () => {
      if (isLive && watches.has(id)) say({ id, type: 'complete' });
      forget(id);
    };
  }
  const forget = (id) => [watches.delete(id), rest()];
  function rest() { // a socket that nobody needs stands in the way of others
    if (!isLive || watches.size) return;
    isLive = false;
    socket.close({});
  }
  const fail = ({ hear, subscribe }, { message, extensions: { code, retryAfter } }) =>
    retryAfter ? setTimeout(() => isLive && subscribe(), retryAfter * 1000) : hear({ code, message }, true);
  const say = (message) => socket.send({ data: JSON.stringify(message) });
  function connect() {
    if (socket || !watches.size) return;
    const token = tokens && tokens.accessToken;
    let silence; // the server pings every 25 seconds: a socket that says nothing is dead, whatever the phone believes
    const lost = async ({ code }) => {
      clearTimeout(silence);
      if (socket !== mine) return;
      [socket, isLive] = [null, false];
      if (code === 4403 && token) await renew(token).catch(() => false);
      setTimeout(connect, Math.random() * Math.min(30000, 500 * 2 ** failures++)); // not all at once after a restart
    };
    const mine = (socket = wx.connectSocket({ url: socketUrl, protocols: ['graphql-transport-ws'], fail: () => lost({}) }));
    if (!mine) return; // too many are open, and `fail` is told
    const authorization = token ? `Bearer ${token}` : '';
    mine.onOpen(() => say({ type: 'connection_init', payload: { authorization, language, device } }));
    mine.onMessage(({ data }) => {
      clearTimeout(silence);
      silence = setTimeout(() => [mine.close({}), lost({})], 60000);
      const { type, id, payload } = JSON.parse(data);
      const watched = watches.get(id);
      if (type === 'connection_ack') {
        [isLive, failures] = [true, 0];
        watches.forEach((each) => each.subscribe()); // each is told at once how things stand: nothing was missed
        rest();
      } else if (type === 'ping') say({ type: 'pong' });
      else if (watched && type === 'next' && payload.data) watched.hear(Object.values(payload.data)[0]);
      else if (watched && type === 'error') fail(watched, payload[0]);
      else if (type === 'complete') forget(id);
    });
    mine.onClose(lost);
    mine.onError(() => lost({}));
  }
  wx.onAppShow(() => connect()); // WeChat closes sockets in the background

  /** Learn how far the market's clock is from this device's; then `now()` tells the market's milliseconds. */
  async function setClock() {
    const asked = Date.now();
    const told = Date.parse(await ask('ServerTime'));
    clockAhead = told - (asked + Date.now()) / 2;
  }
  return { ask, signIn, signOut, watch, setClock, now: () => Date.now() + clockAhead, isSignedIn: () => tokens !== null };
}

module.exports = { openMarket, newKey, MarketError };
