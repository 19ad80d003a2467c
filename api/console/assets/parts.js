// What every page is made of: pictures, dialogs, fields, toasts, moments. Text is always text here: nothing is set as markup.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { language, t } from './words.js';

const SHAPES = {
  air: 'M12 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Zm0 0v7M7.8 15.7a6 6 0 1 1 8.4 0M5 18.5a10 10 0 1 1 14 0',
  bag: 'M6 8h12l1 12H5L6 8Zm3 0V7a3 3 0 0 1 6 0v1',
  bolt: 'M13 3 5 14h6l-1 7 8-11h-6l1-7Z',
  chart: 'M4 20V4M4 20h16M8 16l4-5 3 3 5-7',
  chat: 'M4 5h16v11H9l-5 4V5Z',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm0-14v5l3 2',
  close: 'M6 6l12 12M18 6 6 18',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Zm9.5 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  gift: 'M4 9h16v4H4V9Zm1 4h14v8H5v-8Zm7-4v12M12 9S10.5 4 8 4.5 8 9 12 9Zm0 0s1.5-5 4-4.5S16 9 12 9Z',
  heart: 'M12 20S3.5 15 3.5 9a4.5 4.5 0 0 1 8.5-2 4.5 4.5 0 0 1 8.5 2c0 6-8.5 11-8.5 11Z',
  horn: 'M4 10v4h3l8 5V5L7 10H4Zm15-1a4 4 0 0 1 0 6',
  leave: 'M14 4h5v16h-5M4 12h10M10 8l4 4-4 4',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  pause: 'M8 5v14M16 5v14',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6.5 9a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5m2 3.5a6.5 6.5 0 0 1 3.5 5.5',
  pin: 'M9 4h6l-1 6 4 4H6l4-4-1-6Zm3 10v7',
  play: 'M7 4.5v15l12-7.5-12-7.5Z',
  plus: 'M12 5v14M5 12h14',
  send: 'M4 12 20 4l-5 16-3.5-6.5L4 12Z',
  stop: 'M6 6h12v12H6V6Z',
  ticket: 'M3 7h18v3.5a1.5 1.5 0 0 0 0 3V17H3v-3.5a1.5 1.5 0 0 0 0-3V7Zm11 0v10',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
};

export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d=${SHAPES[name]} />
  </svg>`;

const TILES = 6;
/** A picture, or a tile with the first characters of what it would show. */
export function Picture({ url, title, seed = title }) {
  const [isBroken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [url]);
  const shown = url && url.startsWith('https://') && !isBroken;
  const tile = [...seed].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 997, 7) % TILES;
  return html`<span class="picture tile-${tile}" aria-hidden="true">
    ${
      shown
        ? html`<img src=${url} alt="" loading="lazy" referrerpolicy="no-referrer" onError=${() => setBroken(true)} />`
        : [...title.trim()].slice(0, 2).join('')
    }
  </span>`;
}

const SIGNS = { CNY: '¥' };
/** An amount as it is written: ¥19.90. */
export const price = (money) => (money ? `${SIGNS[money.currency] ?? `${money.currency} `}${money.amount}` : '—');
/** Minor units as it is written, without needless zeros where `isShort`. */
export const yuan = (minor, isShort = false) =>
  `¥${(minor / 100).toLocaleString('zh-CN', {
    minimumFractionDigits: isShort && minor % 100 === 0 ? 0 : 2,
    maximumFractionDigits: 2,
  })}`;
/** Minor units of what somebody has typed; null for what is no amount. */
export const minorOf = (text) => (/^\d{1,9}(\.\d{1,2})?$/.test(text.trim()) ? Math.round(Number(text) * 100) : null);
export const count = (number) => (number ?? 0).toLocaleString(language());

/** A span of time as 1:02:03, or 02:03. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, '0');
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}
export const moment = (iso) =>
  new Date(iso).toLocaleString(language(), { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false });
export const time = (iso) =>
  new Date(iso).toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

/** Draw anew every so many milliseconds. */
export function useTick(milliseconds = 1000) {
  const [, set] = useState(0);
  useEffect(() => {
    const ticking = setInterval(() => set((ticks) => ticks + 1), milliseconds);
    return () => clearInterval(ticking);
  }, [milliseconds]);
}

/** What is left until a moment, by the market's clock. */
export function Countdown({ market, until }) {
  useTick(500);
  return html`<time class="countdown" role="timer" aria-live="off">${span(Date.parse(until) - market.now())}</time>`;
}

const toasts = new Set();
/** Say something for a few seconds; `kind` is "good", "bad" or "plain". */
export const say = (text, kind = 'plain') => toasts.forEach((show) => show({ text, kind, id: Math.random() }));
export function Toasts() {
  const [shown, set] = useState([]);
  useEffect(() => {
    const show = (toast) => {
      set((others) => [...others.slice(-2), toast]);
      setTimeout(() => set((others) => others.filter(({ id }) => id !== toast.id)), 5000);
    };
    toasts.add(show);
    return () => toasts.delete(show);
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ id, text, kind }) => html`<p key=${id} class=${kind}>${text}</p>`)}
  </div>`;
}

/**
 * Ask, and say why not: the answer, or null after a fault or a refusal that was told. `key` is a ref to the wish's
 * idempotency key: what was answered is over, and the next wish gets a new one; after a fault it may have come true.
 */
export async function attempt(market, name, variables, key = {}) {
  try {
    const answer = await market.ask(name, variables);
    key.current = newKey();
    if (!answer?.code) return answer ?? {};
    say(answer.message, 'bad');
  } catch (fault) {
    say(fault.message, 'bad');
  }
  return null;
}

/**
 * A dialog over the page. Escape, its cross or a press beside it closes it; focus goes back to where it was. It shows toasts
 * itself: the page's own are behind it.
 */
export function Dialog({ title, onClose, children, wide }) {
  const dialog = useRef();
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog
    ref=${dialog}
    class=${wide ? 'wide' : ''}
    aria-label=${title}
    onClose=${onClose}
    onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <div class="sheet">
      <header>
        <h2>${title}</h2>
        <button type="button" class="bare" aria-label=${t('close')} onClick=${() => dialog.current.close()}>
          <${Icon} name="close" />
        </button>
      </header>
      ${children}
    </div>
    <${Toasts} />
  </dialog>`;
}

/** A form whose button waits for what it does. `act` gives back whether it was done. */
export function Form({ act, label, danger, children, ...rest }) {
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    await act().finally(() => setBusy(false));
  };
  return html`<form onSubmit=${submit} ...${rest}>
    ${children}<button class=${danger ? 'danger' : 'main'} aria-busy=${isBusy} disabled=${isBusy}>${label}</button>
  </form>`;
}

/** Ask whether it is meant, then do it. */
export function Confirm({ title, text, label, danger, act, onClose }) {
  const doIt = async () => {
    await act();
    onClose();
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    <${Form} act=${doIt} label=${label} danger=${danger} />
  <//>`;
}

export function Field({ label, hint, children }) {
  return html`<label class="field">
    <span>${label}</span>
    ${children}${hint && html`<small>${hint}</small>`}
  </label>`;
}
