"use strict";

// GraphiQL, set up for the market: its first query, its way of asking, and a token that came with the link.

// a style element that GraphiQL makes itself passes the page's policy by this nonce (read by its package get-nonce)
window.__webpack_nonce__ = document.currentScript.nonce;

/** The token of a link like /graphql#token=..., which then no longer shows in the address bar; null without one. */
function takeToken() {
  const token = tokenInAddress();
  if (token !== null) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return token;
}

function tokenInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("token");
}

/** The answer to one operation; an answer that is not JSON, of a proxy perhaps, as an error that quotes it. */
async function ask(operation, { headers } = {}) {
  const response = await fetch(location.pathname, {
    method: "POST",
    headers: { Accept: "application/graphql-response+json", "Content-Type": "application/json", ...headers },
    body: JSON.stringify(operation),
    credentials: "omit",
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
  }
}

/** Where GraphiQL remembers things in this browser. Headers hold tokens, and its history would keep them for good. */
function storageWithoutHeaders() {
  const storage = GraphiQL.createLocalStorage({ namespace: "nightmarket" });
  const setItem = storage.setItem;
  storage.setItem = (key, value) => setItem(key, /:(queries|favorites)$/.test(key) ? withoutHeaders(value) : value);
  return storage;
}

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history), (key, value) => (key === "headers" ? undefined : value));
}

function show(token) {
  const headers = token === null ? undefined : JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
  const name = React.createElement(GraphiQL.Logo, null, "夜市 Night Market");
  const settings = {
    fetcher: ask,
    defaultQuery: document.getElementById("first-query").content.textContent,
    headers, // of the tab that opens first
    defaultHeaders: headers, // of every tab after it
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false, // a token does not outlive the page, nor does its owner's choice say otherwise
    storage: storageWithoutHeaders(),
  };
  ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, settings, name));
}

// a link with another token, opened where the page is open already, does not load it again by itself
window.addEventListener("hashchange", () => {
  if (tokenInAddress() !== null) {
    location.reload();
  }
});

show(takeToken());
