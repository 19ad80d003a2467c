// The rooms one runs, and for merchandisers all of them, with the form for a new one.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { attempt, Dialog, Field, Form, Icon, moment, Picture } from './parts.js';
import { t } from './words.js';

export const isMerchandiser = (viewer) => viewer.roles.some((role) => ['MERCHANDISER', 'ADMIN'].includes(role));

export function Rooms({ market, viewer }) {
  const [pages, set] = useState(null);
  const [isNew, setNew] = useState(false);
  const query = isMerchandiser(viewer) ? 'ConsoleAllRooms' : 'ConsoleMyRooms';
  const load = async (after = null) => {
    const page = await attempt(market, query, { after });
    if (page) set((known) => ({ ...page, nodes: [...(after ? known.nodes : []), ...page.nodes].sort(byNearness) }));
  };
  useEffect(() => {
    load();
  }, []);
  return html`<main class="rooms">
    <div class="title">
      <h1>${t('my_rooms')}</h1>
      ${
        isMerchandiser(viewer) &&
        html`<button class="main" onClick=${() => setNew(true)}>
          <${Icon} name="plus" />
          ${t('new_room')}
        </button>`
      }
    </div>
    ${pages?.nodes.length === 0 && html`<p class="card empty">${t('no_rooms')}</p>`}
    <ul class="doors">
      ${pages?.nodes.map((room) => html`<${RoomDoor} key=${room.id} room=${room} />`)}
    </ul>
    ${pages?.pageInfo.hasNextPage && html`<button onClick=${() => load(pages.pageInfo.endCursor)}>${t('more')}</button>`}
    ${isNew && html`<${NewRoom} market=${market} viewer=${viewer} onClose=${() => setNew(false)} />`}
  </main>`;
}

/** Rooms that are on first, then those to come by their beginning, then the others, the latest first. */
function byNearness(one, other) {
  const rank = ({ state }) => ['LIVE', 'PAUSED', 'SCHEDULED'].indexOf(state) + 1 || 4;
  const later = Date.parse(one.startsAt) - Date.parse(other.startsAt);
  return rank(one) - rank(other) || (rank(one) === 4 ? -later : later);
}

export const StateBadge = ({ state }) => html`<span class="badge ${state.toLowerCase()}">${t(`state_${state}`)}</span>`;

const RoomDoor = ({ room }) =>
  html`<li>
    <a class="card door-card" href="#/rooms/${room.id}">
      <${Picture} url=${room.coverUrl} title=${room.title} />
      <span class="about">
        <b>${room.title}</b>
        <span>${room.hosts.map(({ name }) => name).join('、')}</span>
        <span class="facts">
          <${StateBadge} state=${room.state} />
          <time datetime=${room.startsAt}>${moment(room.liveAt ?? room.startsAt)}</time>
          ${
            room.state === 'SCHEDULED' &&
            room.reservations > 0 &&
            html`<span>${t('reservations', { n: room.reservations })}</span>`
          }
        </span>
      </span>
    </a>
  </li>`;

function NewRoom({ market, viewer, onClose }) {
  const key = useRef(newKey());
  const [hosts, setHosts] = useState([]);
  const [given, set] = useState({ title: '', startsAt: localTime(new Date()), coverUrl: '', hostId: viewer.id, graceSeconds: 300, budget: 0 });
  const typed = (name) => ({ value: given[name], onInput: (event) => set({ ...given, [name]: event.target.value }) });
  useEffect(() => {
    market.ask('ConsoleHosts').then(
      ({ nodes }) => setHosts(nodes),
      () => null,
    );
  }, []);
  const act = async () => {
    const { title, coverUrl, hostId } = given;
    const input = {
      title,
      coverUrl,
      crew: [{ accountId: hostId, duty: 'HOST' }],
      startsAt: new Date(given.startsAt).toISOString(),
      graceSeconds: Number(given.graceSeconds),
      prizeBudgetMinor: Math.round(Number(given.budget) * 100),
      idempotencyKey: key.current,
    };
    const room = await attempt(market, 'ConsoleCreateRoom', { input }, key);
    if (room) location.hash = `#/rooms/${room.id}`;
  };
  const others = hosts.filter(({ accountId }) => accountId !== viewer.id);
  return html`<${Dialog} title=${t('new_room')} onClose=${onClose}>
    <${Form} act=${act} label=${t('create')}>
      <${Field} label=${t('room_title')}>
        <input required maxlength="120" ...${typed('title')} />
      <//>
      <div class="pair">
        <${Field} label=${t('starts_at')}>
          <input type="datetime-local" required ...${typed('startsAt')} />
        <//>
        <${Field} label=${t('host')}>
          <select ...${typed('hostId')}>
            <option value=${viewer.id}>${t('me_as_host')}</option>
            ${others.map(({ accountId, name }) => html`<option value=${accountId}>${name}</option>`)}
          </select>
        <//>
      </div>
      <${Field} label=${t('cover_url')} hint=${t('cover_hint')}>
        <input type="url" pattern="https://.*" maxlength="500" ...${typed('coverUrl')} />
      <//>
      <${Field} label=${t('grace')} hint=${t('grace_hint')}>
        <input type="number" min="0" max="3600" required ...${typed('graceSeconds')} />
      <//>
      <${Field} label=${t('prize_budget')} hint=${t('prize_budget_hint')}>
        <input type="number" min="0" step="0.01" required ...${typed('budget')} />
      <//>
    <//>
  <//>`;
}

/** A moment as a field for local time has it. */
const localTime = (at) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
