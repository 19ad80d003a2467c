// The desk of a room: who watches, what stands on the shelf, what is being sold, what is said, and how it goes.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { attempt, Confirm, count, Icon, moment, span, useTick, yuan } from './parts.js';
import { Chat } from './chat.js';
import { Figures, useFigures } from './figures.js';
import { useRoom } from './room.js';
import { isMerchandiser, StateBadge } from './rooms.js';
import { Selling } from './selling.js';
import { Shelf, usePrices } from './shelf.js';
import { Stage } from './stage.js';
import { t } from './words.js';

const LAST_STEPS = ['end', 'call_room_off'];
const TABS = { shelf: 'bag', sell: 'bolt', chat: 'chat', figures: 'chart' };

export function Desk({ market, roomId, viewer }) {
  const live = useRoom(market, roomId);
  const [tab, setTab] = useState('shelf');
  const [isConnected, setConnected] = useState(true);
  const [dialog, setDialog] = useState(null);
  const figures = useFigures(market, roomId, live?.isOn);
  const prices = usePrices(market, roomId, live?.shelfRead);
  useEffect(() => {
    market.onConnection = setConnected;
    return () => (market.onConnection = () => {});
  }, []);
  if (live?.refused)
    return html`<main class="rooms">
      <p class="card empty">${live.refused.code === 'NOT_FOUND' ? t('not_found') : live.refused.message}</p>
      <a href="#/">${t('back')}</a>
    </main>`;
  if (!live?.room)
    return html`<main class="rooms">
      <p class="empty" aria-busy="true">…</p>
    </main>`;
  const run = async (name, variables) => {
    const room = await attempt(market, name, variables);
    if (room?.id) live.take(room);
    return room;
  };
  const all = { market, live, run, openDialog: setDialog, figures, prices, viewer };
  return html` <main class="desk" data-tab=${tab}>
      <${Head} ...${all} isConnected=${isConnected} />
      <div class="side">
        <${Stage} ...${all} />
        <${Selling} ...${all} dialog=${dialog} />
      </div>
      <div class="middle">
        <${Shelf} ...${all} isMerchandiser=${isMerchandiser(viewer)} />
        <${Figures} ...${all} />
      </div>
      <${Chat} ...${all} />
    </main>
    <nav class="tabs" aria-label=${t('console')}>
      ${Object.entries(TABS).map(
        ([name, icon]) =>
          html` <button class="bare" aria-current=${tab === name ? 'page' : null} onClick=${() => setTab(name)}>
            <${Icon} name=${icon} />
            <span>${t(name)}</span>
          </button>`,
      )}
    </nav>`;
}

function Head({ market, live, run, figures, viewer, isConnected }) {
  const { room, counters } = live;
  const [asked, ask] = useState(null);
  const steps = { go_live: 'ConsoleGoLive', pause: 'ConsolePause', end: 'ConsoleEnd', call_room_off: 'ConsoleCancelRoom' };
  const act = () => run(steps[asked], { id: room.id });
  return html`<header class="head card">
    <div class="what">
      <h1>${room.title}</h1>
      <p class="facts">
        <${StateBadge} state=${room.state} />
        <${OnFor} market=${market} room=${room} />
        <span class="link ${isConnected ? 'up' : 'down'}" role="status" title=${t(isConnected ? 'connected' : 'reconnecting')}>
          <span class="unseen">${t(isConnected ? 'connected' : 'reconnecting')}</span>
        </span>
        <a href="console/watch/${room.id}" target="_blank" rel="noopener">${t('viewer_page')}</a>
      </p>
    </div>
    <dl class="counters" aria-label=${t('figures')}>
      <${Counter} label=${t('viewers')} value=${count(counters?.viewers)} more=${t('peak', { n: count(counters?.peakViewers) })} />
      <${Counter} label=${t('distinct')} value=${count(counters?.distinctViewers)} />
      <${Counter} label=${t('likes')} value=${count(counters?.likes)} />
      <${Counter} label=${t('buying')} value=${count(counters?.buying)} />
      <${Counter} label=${t('gmv')} value=${figures ? yuan(Number(figures.sold.gmv.minor), true) : '—'} isBest />
    </dl>
    <div class="steps">
      ${
        room.state === 'SCHEDULED' &&
        isMerchandiser(viewer) &&
        html`<button class="danger" onClick=${() => ask('call_room_off')}>${t('call_room_off')}</button>`
      }
      ${
        room.state === 'SCHEDULED' &&
        html`<button class="main" onClick=${() => ask('go_live')}>
          <${Icon} name="play" />
          ${t('go_live')}
        </button>`
      }
      ${
        room.state === 'PAUSED' &&
        html`<button class="main" onClick=${() => run('ConsoleGoLive', { id: room.id })}>
          <${Icon} name="play" />
          ${t('resume')}
        </button>`
      }
      ${
        room.state === 'LIVE' &&
        html`<button onClick=${() => ask('pause')}>
          <${Icon} name="pause" />
          ${t('pause')}
        </button>`
      }
      ${
        live.isOn &&
        html`<button class="danger" onClick=${() => ask('end')}>
          <${Icon} name="stop" />
          ${t('end')}
        </button>`
      }
    </div>
    ${
      asked &&
      html`<${Confirm}
        title=${t(asked)}
        text=${t(`${asked}_ask`)}
        label=${t(asked)}
        danger=${LAST_STEPS.includes(asked)}
        act=${act}
        onClose=${() => ask(null)} />`
    }
  </header>`;
}

function OnFor({ market, room }) {
  useTick(1000);
  const until = room.endedAt ? Date.parse(room.endedAt) : market.now();
  if (room.liveAt) return html`<time class="number">${t('on_for', { time: span(until - Date.parse(room.liveAt)) })}</time>`;
  const left = Date.parse(room.startsAt) - market.now();
  const isToday = left > 0 && left < 86_400_000;
  return html`<time class="number">${isToday ? t('starts_in', { left: span(left) }) : moment(room.startsAt)}</time>`;
}

const Counter = ({ label, value, more, isBest }) =>
  html`<div class=${isBest ? 'best' : ''}>
    <dt>${label}</dt>
    <dd class="number">${value}</dd>
    ${more && html`<small>${more}</small>`}
  </div>`;
