// The viewer's side of a room, beside the console: what is on air, what can be had, and what others say.
import { html, render, useEffect, useRef, useState } from './htm-preact.min.js';
import { Buying, PayDialog } from './buying.js';
import { Comments, Write } from './comments.js';
import { Market } from './market.js';
import { attempt, count, Countdown, Dialog, Field, Form, Icon, Picture, say, Toasts } from './parts.js';
import { Offers } from './offers.js';
import { useRoom } from './room.js';
import { LivePrices, Screen } from './stage.js';
import { language, switchLanguage, t } from './words.js';

const isDevelopment = document.documentElement.dataset.logins.includes('development');
const LIKES_EVERY = 1000; // milliseconds; taps are added up and sent together
document.documentElement.dataset.theme = 'dark';

const market = new Market('market.watch', language());
const roomId = decodeURIComponent(location.pathname.split('/').pop());

function Watch() {
  const [, signed] = useState(0);
  const live = useRoom(market, roomId);
  const [dialog, open] = useState(null);
  useEffect(() => {
    market.onSignedOut = () => signed((times) => times + 1);
  }, []);
  useEffect(() => {
    if (live?.room) document.title = `${live.room.title} · ${t('market')}`;
  }, [live?.room?.title]);
  if (live?.refused)
    return html`<main class="curtain">
      <span class="lantern big"> </span>
      <p>${live.refused.code === 'NOT_FOUND' ? t('not_found') : live.refused.message}</p>
    </main>`;
  if (!live?.room)
    return html`<main class="curtain" aria-busy="true">
      <span class="lantern big"> </span>
    </main>`;
  const { room, onAir, counters } = live;
  const taking = (act) => (market.isSignedIn ? act() : open({ kind: 'sign_in' })); // what only who is signed in can do
  const all = { market, live, taking, open };
  return html`<main class="watch">
    <section class="picture-side">
      <${Screen} market=${market} room=${room} />
      <header>
        <span class="host">
          <${Picture} url=${room.coverUrl} title=${room.hosts[0]?.name ?? room.title} />
          <span class="about">
            <b>${room.title}</b>
            <small>${room.hosts.map(({ name }) => name).join('、')}</small>
          </span>
        </span>
        <span class="badge ${room.state.toLowerCase()}">${t(`state_${room.state}`)}</span>
        <span class="badge" title=${t('viewers')}>
          <${Icon} name="eye" />
          <span class="number" id="viewers">${count(counters?.viewers)}</span>
        </span>
      </header>
      ${room.state !== 'LIVE' && html`<${Curtain} ...${all} />`}
      ${
        live.notice &&
        html`<p class="notice" role="status">
          <${Icon} name="horn" />
          <bdi>${live.notice.text}</bdi>
        </p>`
      }
      <div class="talk">
        <${Comments} comments=${live.comments} />
      </div>
      ${
        onAir &&
        html`<article class="on-air" aria-live="polite" aria-label=${t('on_air')}>
          <${Picture} url=${onAir.product.images[0]?.url} title=${onAir.product.title} />
          <div class="about">
            <b>${onAir.product.title}</b>
            <${LivePrices} market=${market} item=${onAir} />
          </div>
          <button class="main" onClick=${() => taking(() => open({ kind: 'buy', item: onAir }))}>${t('buy')}</button>
        </article>`
      }
      <footer>
        <button class="round" aria-label=${t('shelf')} onClick=${() => open({ kind: 'shelf' })}>
          <${Icon} name="bag" />
          <span class="number">${live.items.length}</span>
        </button>
        ${
          market.isSignedIn
            ? html`<${Write}
                market=${market}
                live=${live}
                placeholder=${t('say_something')}
                isOpen=${live.isOn && room.isChatOpen} />`
            : html`<button class="wide" onClick=${() => open({ kind: 'sign_in' })}>${t('sign_in_to')}</button>`
        }
        <${Like} ...${all} />
      </footer>
    </section>
    <aside>
      <nav>
        <span class="lantern" aria-hidden="true"> </span>
        <b>${t('market')}</b>
        <button class="bare" onClick=${switchLanguage}>${t('other_language')}</button>
        ${market.isSignedIn && html`<button class="bare" onClick=${() => market.signOut()}>${t('sign_out')}</button>`}
      </nav>
      <${Offers} ...${all} />
      <section class="bought">
        <${Buying} ...${all} />
      </section>
    </aside>
    ${dialog?.kind === 'sign_in' && html`<${SignIn} onDone=${() => signed((times) => times + 1)} onClose=${() => open(null)} />`}
    ${dialog?.kind === 'shelf' && html`<${ShelfDialog} ...${all} onClose=${() => open(null)} />`}
    ${dialog?.kind === 'buy' && html`<${PayDialog} key="buy" ...${all} item=${dialog.item} onClose=${() => open(null)} />`}
    ${dialog?.kind === 'pay' && html`<${PayDialog} key="pay" ...${all} order=${dialog.order} onClose=${() => open(null)} />`}
    <${Toasts} />
  </main>`;
}

/** What is shown while nothing is: when it begins, that the host is away, that it is over. */
function Curtain({ live, taking }) {
  const { room } = live;
  const reserve = async () => live.take(await attempt(market, 'WatchReserve', { id: room.id }));
  if (room.state === 'SCHEDULED')
    return html`<div class="between">
      <p>${t('begins_in')}</p>
      <p class="big-time">
        <${Countdown} market=${market} until=${room.startsAt} />
      </p>
      ${
        room.isReserved
          ? html`<p class="badge good">${t('reserved')}</p>`
          : html`<button class="main" onClick=${() => taking(reserve)}>
              <${Icon} name="clock" />
              ${t('reserve')}
            </button>`
      }
      <small>${t('reservations', { n: count(room.reservations) })}</small>
    </div>`;
  return html`<div class="between">
    <p>${t({ PAUSED: 'host_away', ENDED: 'show_over', CANCELLED: 'show_cancelled' }[room.state])}</p>
  </div>`;
}

function Like({ live, taking }) {
  const [taps, tap] = useState(0);
  const tapped = useRef(0);
  tapped.current = taps;
  useEffect(() => {
    if (!taps) return undefined;
    const sending = setTimeout(() => {
      market.ask('WatchLike', { input: { roomId: live.id, taps: Math.min(tapped.current, 50) } }).catch(() => null);
      tap(0);
    }, LIKES_EVERY);
    return () => clearTimeout(sending);
  }, [taps > 0]);
  return html`<button
    class="round like"
    disabled=${!live.isOn}
    aria-label=${t('like')}
    onClick=${() => taking(() => tap((all) => all + 1))}>
    <${Icon} name="heart" />
    <span class="number">${count(Number(live.counters?.likes ?? 0) + taps)}</span>
  </button>`;
}

function ShelfDialog({ live, taking, open, onClose }) {
  const sorted = [...live.items].sort((one, other) => other.isPinned - one.isPinned || one.position - other.position);
  return html`<${Dialog} title=${`${t('shelf')} ${live.items.length}`} onClose=${onClose}>
    <ul class="found">
      ${sorted.map(
        (item) =>
          html` <li key=${item.id}>
            <${Picture} url=${item.product.images[0]?.url} title=${item.product.title} />
            <div class="about">
              <b>${item.product.title}</b>
              ${item.pitch && html`<small>${item.pitch}</small>`}
              <span class="facts">
                <${LivePrices} market=${market} item=${item} />
                ${item.isPinned && html`<span class="badge scheduled">${t('pin')} </span>`}${
                  item.id === live.onAirId && html`<span class="badge live">${t('on_air')}</span>`
                }
              </span>
            </div>
            <button onClick=${() => taking(() => open({ kind: 'buy', item }))}>${t('buy')}</button>
          </li>`,
      )}
    </ul>
  <//>`;
}

/** Shoppers sign in with WeChat, in the mini-program; here only where the development login is switched on. */
function SignIn({ onDone, onClose }) {
  const [name, setName] = useState('');
  const act = async () => {
    try {
      const answer = market.signedIn(await market.ask('SignInForDevelopment', { input: { name, roles: [] } }));
      if (answer.code) return say(answer.message, 'bad');
      onClose();
      return onDone();
    } catch (fault) {
      return say(fault.message, 'bad');
    }
  };
  return html`<${Dialog} title=${t('sign_in')} onClose=${onClose}>
    ${
      isDevelopment
        ? html`<p class="soft">${t('development_hint')}</p>
            <${Form} act=${act} label=${t('sign_in')}>
              <${Field} label=${t('name')}>
                <input required maxlength="64" value=${name} onInput=${(event) => setName(event.target.value)} />
              <//>
            <//>`
        : html`<p>${t('sign_in_in_wechat')}</p>`
    }
  <//>`;
}

render(html`<${Watch} />`, document.getElementById('page'));
