// WeChat's side of a mini-program, as far as one sees it: the `wx` of a phone, on Node's fetch and on ws.
const WebSocket = require('ws');

const MOST_REQUESTS = 10; // further ones wait, as on a phone
const MOST_SOCKETS = 5;
const REFERER = 'https://servicewechat.com/wx0123456789abcdef/7/page-frame.html';

/**
 * A phone: `wx`, and what happens to it. `company` says what WeChat's servers are here: `platform` gives codes for
 * `openid`, `wallet` takes payments for `appId`. `sent` notes every request, `sockets` every socket.
 */
function newPhone(company, storage = new Map()) {
  const sent = [];
  const sockets = [];
  const shown = [];
  const waiting = [];
  let running = 0;

  async function next() {
    if (running >= MOST_REQUESTS || !waiting.length) return;
    running += 1;
    const { url, method = 'GET', data, header = {}, success = () => {}, fail = () => {} } = waiting.shift();
    const note = { url, method, data, header };
    sent.push(note);
    try {
      const headers = { 'content-type': 'application/json', ...header, referer: REFERER };
      const answer = await fetch(url, { method, headers, body: method === 'GET' ? undefined : JSON.stringify(data) });
      const text = await answer.text();
      note.statusCode = answer.status;
      success({ statusCode: answer.status, header: Object.fromEntries(answer.headers), data: parsed(text), errMsg: 'request:ok' });
    } catch (error) {
      fail({ errno: 600001, errMsg: `request:fail ${error.cause?.code ?? error.message}` });
    } finally {
      running -= 1;
      next();
    }
  }

  function connectSocket({ url, protocols, header = {}, fail = () => {} }) {
    if (sockets.filter(({ readyState }) => readyState <= WebSocket.OPEN).length >= MOST_SOCKETS) {
      queueMicrotask(() => fail({ errMsg: 'connectSocket:fail exceed max connection count' }));
      return null;
    }
    const socket = new WebSocket(url, protocols, { headers: { ...header, origin: 'https://servicewechat.com' } });
    sockets.push(socket);
    const heard = {};
    const tell = (name, told) => heard[name]?.(told);
    socket.on('open', () => tell('open', { header: {} }));
    socket.on('message', (text) => tell('message', { data: String(text) }));
    socket.on('close', (code, reason) => tell('close', { code, reason: String(reason) }));
    socket.on('error', (error) => tell('error', { errMsg: error.message }));
    return {
      send: ({ data }) => socket.send(data),
      close: ({ code = 1000, reason = '' }) => socket.close(code, reason),
      onOpen: (listener) => (heard.open = listener),
      onMessage: (listener) => (heard.message = listener),
      onClose: (listener) => (heard.close = listener),
      onError: (listener) => (heard.error = listener),
    };
  }

  async function post(url, data) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(data) });
    return { ok: answer.ok, data: await answer.json() };
  }

  const wx = {
    request: (wish) => (waiting.push(wish), next()),
    connectSocket,
    login: ({ success }) =>
      post(`${company.platform}/commands/login`, { openid: company.openid }).then(({ data }) =>
        success({ code: data.code, errMsg: 'login:ok' }),
      ),
    requestPayment: ({ timeStamp, nonceStr, package, signType, paySign, success, fail }) =>
      post(`${company.wallet}/pay`, { appId: company.appId, timeStamp, nonceStr, package, signType, paySign }).then(({ ok }) =>
        ok ? success({ errMsg: 'requestPayment:ok' }) : fail({ errMsg: 'requestPayment:fail' }),
      ),
    getStorageSync: (key) => structuredClone(storage.get(key) ?? ''),
    setStorageSync: (key, value) => storage.set(key, structuredClone(value)),
    onAppShow: (listener) => shown.push(listener),
    getDeviceInfo: () => ({ model: 'Nova 12' }),
  };
  /** The shopper looks at something else: WeChat cuts the sockets. */
  const hide = () => sockets.forEach((socket) => socket.terminate());
  const show = () => shown.forEach((listener) => listener({}));
  return { wx, sent, sockets, storage, hide, show };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

module.exports = { newPhone };
