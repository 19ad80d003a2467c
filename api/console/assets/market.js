// The market's client: asks in registered documents, renews its tokens, and follows what happens over one socket, or by
// polling while there is none. Knows no page.
import { documents } from './documents.js';

const ENDPOINT = new URL('../../../graphql', import.meta.url); // beside /console, wherever a proxy has put both
const SILENCE = 60_000; // milliseconds; the server pings every 25 seconds, so a socket that says nothing is dead
const PATIENCE = 10_000; // milliseconds for an answer; a wish is then sent again with its key, a refresh token within its grace
const AGAIN = 5; // seconds until a subscription that failed is tried again
const TOKEN_REFUSED = 4403;

/** A fault: `code` is fixed, `message` is for people, `retryAfter` are seconds. */
export class MarketFault extends Error {
  constructor(code, message, retryAfter) {
    super(message);
    Object.assign(this, { code, retryAfter });
  }
}

/** A new idempotency key: one wish, however often it is sent. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * One for a page. Tokens are kept in the tab's session storage under `name`: they survive a reload and end with the tab,
 * no other tab has them, and, unlike a cookie, they are sent nowhere by themselves.
 */
export class Market {
  constructor(name, language) {
    this.language = language;
    this.onSignedOut = () => {};
    this.onConnection = () => {};
    this.isConnected = false;
    this._name = name;
    this._tokens = JSON.parse(sessionStorage.getItem(name) || 'null');
    this._device = localStorage.getItem('market.device') || newKey();
    localStorage.setItem('market.device', this._device);
    this._ahead = 0;
    this._watches = new Map();
    this._failures = 0;
  }

  get isSignedIn() {
    return this._tokens !== null;
  }

  /** Keep the tokens of an answer that signs in; an answer without is given back as it is. */
  signedIn(answer) {
    if (answer.accessToken) this._keep({ accessToken: answer.accessToken, refreshToken: answer.refreshToken });
    return answer;
  }

  /** Sign out, also where the server cannot be told. */
  async signOut() {
    await this.ask('SignOut').catch(() => null);
    this._keep(null);
    this.onSignedOut();
  }

  /** Milliseconds by the market's clock, as the last answer that told it had it. */
  now() {
    return Date.now() + this._ahead;
  }

  /** Take the market's clock from an answer. */
  setClock(serverTime) {
    this._ahead = Date.parse(serverTime) - Date.now();
  }

  /** What an operation's root field answers; a refusal is an answer with `code` and `message`. Throws MarketFault. */
  async ask(name, variables = {}) {
    const token = this._tokens?.accessToken;
    try {
      return await this._call(name, variables, token);
    } catch (fault) {
      if (fault.code !== 'UNAUTHENTICATED' || !token) throw fault;
      if (await this._renew(token)) return this._call(name, variables, this._tokens.accessToken);
      throw fault;
    }
  }

  /** A file that only who asked for its link may fetch, saved under `name`. Throws MarketFault. */
  async save(link, name) {
    const address = new URL(link);
    const beside = new URL(`.${address.pathname.slice(address.pathname.lastIndexOf('/exports/'))}${address.search}`, ENDPOINT);
    const headers = { authorization: `Bearer ${this._tokens?.accessToken}` };
    const response = await fetch(beside, { headers, credentials: 'omit', cache: 'no-store' });
    if (!response.ok) throw new MarketFault(`HTTP_${response.status}`, `HTTP ${response.status}`);
    const anchor = document.createElement('a');
    anchor.href = URL.createObjectURL(await response.blob());
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
  }

  async _call(name, variables, token, tries = 3) {
    const headers = { 'content-type': 'application/json', 'accept-language': this.language, 'x-device-id': this._device };
    if (token) headers.authorization = `Bearer ${token}`;
    const body = JSON.stringify({ documentId: documents[name], variables });
    let answer;
    let status = 0;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await fetch(ENDPOINT, { method: 'POST', headers, body, credentials: 'omit', cache: 'no-store', signal });
      status = response.status;
      answer = await response.json();
    } catch {
      throw new MarketFault(
        status ? `HTTP_${status}` : 'NETWORK',
        this.language.startsWith('zh') ? '网络不给力，请重试' : 'No connection; try again',
      );
    }
    const [error] = answer.errors || [];
    if (!error) return Object.values(answer.data)[0];
    const { code, retryAfter } = error.extensions || {};
    if (code === 'RATE_LIMITED' && tries > 1 && retryAfter <= 5) {
      await pause(retryAfter * 1000);
      return this._call(name, variables, token, tries - 1);
    }
    throw new MarketFault(code, error.message, retryAfter);
  }

  _keep(tokens) {
    this._tokens = tokens;
    if (tokens) sessionStorage.setItem(this._name, JSON.stringify(tokens));
    else sessionStorage.removeItem(this._name);
    const socket = this._socket; // it speaks for whoever was signed in when it was opened
    if (socket) {
      this._socket = null;
      this._connected(false);
      socket.close();
    }
    this._connect();
  }

  /** New tokens for a stale one, once for all who wait. Throws where nobody can say: the old ones stay. */
  _renew(stale) {
    if (this._tokens?.accessToken !== stale) return Promise.resolve(this.isSignedIn);
    const renew = async () => {
      const answer = await this._call('RefreshSession', { input: { refreshToken: this._tokens.refreshToken } });
      this._keep(answer.accessToken ? { accessToken: answer.accessToken, refreshToken: answer.refreshToken } : null);
      if (!this.isSignedIn) this.onSignedOut();
      return this.isSignedIn;
    };
    this._renewing ||= renew().finally(() => (this._renewing = null));
    return this._renewing;
  }

  /**
   * Follow a subscription, and its polling twin while no socket is up. After a drop it goes on from `since`, the number of
   * the last event heard. Ends by itself once it is refused; gives back what stops it.
   */
  watch(subscription, twin, variables, hear) {
    const id = newKey();
    const watched = { subscription, variables: { ...variables }, hear: null };
    watched.hear = (answer) => {
      if (!this._watches.has(id)) return;
      if (answer.lastEvent !== undefined) watched.variables.since = answer.lastEvent;
      if (answer.code) this._forget(id);
      hear(answer);
    };
    const poll = async () => {
      if (!this._watches.has(id)) return;
      let wait = 1000;
      if (!this.isConnected) {
        const answer = await this.ask(twin, watched.variables).catch(() => ({ pollAfterMs: 3000 }));
        if (answer.__typename && !this.isConnected) watched.hear(answer);
        wait = answer.pollAfterMs || wait;
      }
      setTimeout(poll, wait);
    };
    this._watches.set(id, watched);
    if (this.isConnected) this._subscribe(id, watched);
    this._connect();
    setTimeout(poll, 1500);
    return () => {
      if (this.isConnected && this._watches.has(id)) this._say({ id, type: 'complete' });
      this._forget(id);
    };
  }

  _forget(id) {
    this._watches.delete(id);
  }

  _say(message) {
    this._socket.send(JSON.stringify(message));
  }

  _subscribe(id, { subscription, variables }) {
    this._say({ id, type: 'subscribe', payload: { documentId: documents[subscription], variables } });
  }

  _connect() {
    if (this._socket || !this._watches.size) return;
    const token = this._tokens?.accessToken;
    const address = new URL(ENDPOINT);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = (this._socket = new WebSocket(address, 'graphql-transport-ws'));
    let silence;
    const lost = async (code) => {
      clearTimeout(silence);
      if (this._socket !== socket) return;
      this._socket = null;
      this._connected(false);
      if (code === TOKEN_REFUSED && token) await this._renew(token).catch(() => false);
      const longest = Math.min(15_000, 500 * 2 ** this._failures++);
      setTimeout(() => this._connect(), Math.random() * longest); // not all at once after a restart
    };
    socket.onopen = () =>
      socket.send(
        JSON.stringify({
          type: 'connection_init',
          payload: { authorization: token ? `Bearer ${token}` : '', language: this.language, device: this._device },
        }),
      );
    socket.onmessage = ({ data }) => {
      clearTimeout(silence);
      silence = setTimeout(() => [socket.close(), lost()], SILENCE);
      if (this._socket === socket) this._hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => lost(code);
  }

  _hear({ type, id, payload }) {
    const watched = this._watches.get(id);
    if (type === 'connection_ack') {
      this._failures = 0;
      this._connected(true);
      this._watches.forEach((each, known) => this._subscribe(known, each));
    } else if (type === 'ping') this._say({ type: 'pong' });
    else if (type === 'next' && payload.data) watched?.hear(Object.values(payload.data)[0]);
    else if (type === 'error') this._again(id, payload[0].extensions?.retryAfter ?? AGAIN);
    else if (type === 'complete') this._forget(id);
  }

  /** Subscribe once more, unless a new socket does so by itself. A refusal is an answer; what comes here is a fault. */
  _again(id, seconds) {
    const socket = this._socket;
    const subscribe = () => this._socket === socket && this._watches.has(id) && this._subscribe(id, this._watches.get(id));
    setTimeout(subscribe, seconds * 1000);
  }

  _connected(isConnected) {
    this.isConnected = isConnected;
    this.onConnection(isConnected);
  }
}
