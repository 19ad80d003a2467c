// Lucky draws: the host's form, how a draw stands, and the check of its winners that anybody can do in their own browser.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { attempt, Countdown, count, Dialog, Field, Form, Icon, minorOf, price, say } from './parts.js';
import { t } from './words.js';

const NEW_PRIZE = { name: '', worth: '', pieces: '1' };
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

export function DrawDialog({ market, live, onClose }) {
  const key = useRef(newKey());
  const [stores, setStores] = useState(live.room.store ? [live.room.store] : []);
  const [given, set] = useState({ title: '', minutes: '5', storeId: live.room.store?.id ?? '', openTo: 'EVERYBODY', days: '30' });
  const [prizes, setPrizes] = useState([NEW_PRIZE]);
  useEffect(() => {
    if (stores.length) return;
    market.ask('ConsoleStores').then(
      ({ nodes }) => [setStores(nodes), set((now) => ({ ...now, storeId: nodes[0]?.id ?? '' }))],
      () => null,
    );
  }, []);
  const typed = (name) => ({ value: given[name], onInput: (event) => set({ ...given, [name]: event.target.value }) });
  const prize = (at, name) => ({
    value: prizes[at][name],
    onInput: (event) => setPrizes(prizes.map((each, index) => (index === at ? { ...each, [name]: event.target.value } : each))),
  });
  const act = async () => {
    const promised = prizes.map(({ name, worth, pieces }) => ({ name, valueMinor: minorOf(worth), pieces: Number(pieces) }));
    if (promised.some(({ valueMinor }) => valueMinor === null)) return say(t('prize_worth'), 'bad');
    const closesAt = market.now() + Number(given.minutes) * MINUTE;
    const input = {
      roomId: live.id,
      title: given.title,
      openTo: given.openTo,
      storeId: given.storeId,
      prizes: promised,
      idempotencyKey: key.current,
      closesAt: new Date(closesAt).toISOString(),
      prizesUntil: new Date(closesAt + Number(given.days) * DAY).toISOString(),
    };
    const draw = await attempt(market, 'ConsoleOpenDraw', { input }, key);
    if (!draw) return null;
    live.promote({ draw });
    return onClose();
  };
  return html`<${Dialog} title=${t('draw')} onClose=${onClose}>
    <${Form} act=${act} label=${t('open_draw')}>
      <p class="soft">${t('draw_promise')}</p>
      <${Field} label=${t('draw_title')}>
        <input required maxlength="60" ...${typed('title')} />
      <//>
      <fieldset>
        <legend>${t('prizes')}</legend>
        ${prizes.map(
          (_, at) =>
            html`<div class="prize" key=${at}>
              <input required maxlength="60" aria-label=${t('prize_name')} placeholder=${t('prize_name')} ...${prize(at, 'name')} />
              <input
                required
                inputmode="decimal"
                aria-label=${t('prize_worth')}
                placeholder=${t('prize_worth')}
                ...${prize(at, 'worth')} />
              <input required type="number" min="1" max="1000" aria-label=${t('units')} ...${prize(at, 'pieces')} />
              <button
                type="button"
                class="bare"
                disabled=${prizes.length === 1}
                aria-label=${`${t('remove')} ${at + 1}`}
                onClick=${() => setPrizes(prizes.filter((__, index) => index !== at))}>
                <${Icon} name="trash" />
              </button>
            </div>`,
        )}
        <button type="button" disabled=${prizes.length === 20} onClick=${() => setPrizes([...prizes, NEW_PRIZE])}>
          <${Icon} name="plus" />
          ${t('add_prize')}
        </button>
      </fieldset>
      <div class="pair">
        <${Field} label=${t('closes_in')}>
          <input type="number" min="1" max="1440" required ...${typed('minutes')} />
        <//>
        <${Field} label=${t('who_may_enter')}>
          <select ...${typed('openTo')}>
            <option value="EVERYBODY">${t('open_to_everybody')}</option>
            <option value="BUYERS">${t('open_to_buyers')}</option>
          </select>
        <//>
        <${Field} label=${t('collect_at')}>
          <select required ...${typed('storeId')}>
            ${stores.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
          </select>
        <//>
        <${Field} label=${t('collect_days')}>
          <input type="number" min="1" max="90" required ...${typed('days')} />
        <//>
      </div>
    <//>
  <//>`;
}

/** A draw as the host sees it. */
export function DrawCard({ market, live, draw }) {
  const [isCallingOff, setCallingOff] = useState(false);
  const isClosed = Date.parse(draw.closesAt) <= market.now();
  const drawNow = async () => {
    const drawn = await attempt(market, 'ConsoleDrawNow', { id: draw.id });
    if (drawn) live.promote({ draw: drawn });
  };
  return html`<li class=${draw.state === 'OPEN' ? '' : 'over'}>
    <${Icon} name="gift" />
    <div class="about">
      <b>${draw.title}</b>
      <span class="facts">
        <small>${t('entries', { n: count(draw.entrants) })}</small>
        <small>${t(`draw_${draw.state}`)}</small>
      </span>
      <${Winners} market=${market} draw=${draw} />
      ${draw.reason && html`<small>${draw.reason}</small>`}
    </div>
    ${
      draw.state === 'OPEN' &&
      html`<div class="does">
        ${
          isClosed
            ? html`<button class="main" onClick=${drawNow}>${t('draw_now')}</button>`
            : html`<span class="badge scheduled">
                <${Countdown} market=${market} until=${draw.closesAt} />
              </span>`
        }
        <button class="bare" title=${t('call_off')} aria-label=${t('call_off')} onClick=${() => setCallingOff(true)}>
          <${Icon} name="close" />
        </button>
      </div>`
    }
    ${isCallingOff && html`<${CallOff} market=${market} live=${live} draw=${draw} onClose=${() => setCallingOff(false)} />`}
  </li>`;
}

function CallOff({ market, live, draw, onClose }) {
  const [reason, setReason] = useState('');
  const act = async () => {
    const over = await attempt(market, 'ConsoleCallOffDraw', { input: { drawId: draw.id, reason } });
    if (!over) return;
    live.promote({ draw: over });
    onClose();
  };
  return html`<${Dialog} title=${t('call_off')} onClose=${onClose}>
    <p>${t('call_off_ask')}</p>
    <${Form} act=${act} label=${t('call_off')} danger>
      <${Field} label=${t('reason')}>
        <input required maxlength="200" value=${reason} onInput=${(event) => setReason(event.target.value)} />
      <//>
    <//>
  <//>`;
}

/** Who has won, and a button that checks it. */
export function Winners({ market, draw }) {
  const [checked, set] = useState(null);
  if (draw.state !== 'DRAWN') return null;
  const check = () => isFair(market, draw).then(set, (fault) => say(fault.message, 'bad')); // who cannot be asked is not unfair
  return html`<ol class="winners" aria-label=${t('winners')}>
      ${draw.winners.nodes.map(
        ({ rank, name, entry, prize }) =>
          html` <li key=${rank}>
            <b class="number">${rank}</b> <bdi>${name}</bdi> <small>#${entry.number}</small> <span>${prize.name}</span>
          </li>`,
      )}
    </ol>
    ${
      checked === null
        ? html`<button class="bare" onClick=${check}>${t('check_draw')}</button>`
        : html`<span class="badge ${checked ? 'good' : 'live'}">${t(checked ? 'draw_is_fair' : 'draw_is_not_fair')}</span>`
    }`;
}

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const sha256 = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(parts.flatMap((part) => [...part]))));

/**
 * Whether the winners follow from what was promised: the seed is the one that was committed to, the entries are those that
 * the digest was reckoned over, and the winners have the lowest scores of them.
 */
async function isFair(market, draw) {
  const seed = bytesOf(draw.seed);
  if (hexOf(await sha256(seed)) !== draw.commitment) return false;
  const entries = [];
  for (let after = null, more = true; more;) {
    const page = (await market.ask('ConsoleDrawEntries', { id: draw.id, after })).entries;
    entries.push(...page.nodes);
    ({ endCursor: after, hasNextPage: more } = page.pageInfo);
  }
  let digest = bytesOf(draw.commitment);
  for (const { entryId } of entries) digest = await sha256(digest, bytesOf(entryId));
  if (hexOf(digest) !== draw.entriesDigest) return false;
  const scores = await Promise.all(
    entries.map(async ({ number, entryId }) => [hexOf(await sha256(seed, digest, bytesOf(entryId))), number]),
  );
  const first = scores.sort().map(([, number]) => number);
  return draw.winners.nodes.every(({ rank, entry }) => first[rank - 1] === entry.number);
}
