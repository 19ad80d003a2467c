// The stage: the picture, as far as there is one, where to push it to, and what is on air with its live prices.
import { html, useEffect, useState } from './htm-preact.min.js';
import { Countdown, Dialog, Field, Icon, price, say } from './parts.js';
import { t } from './words.js';

const HLS = 'application/vnd.apple.mpegurl';

export function Stage({ market, live, run }) {
  const { room, onAir } = live;
  const [stream, set] = useState(null);
  const [isShown, show] = useState(false);
  const look = () => market.ask('ConsoleStream', { roomId: room.id }).then(set, () => null);
  useEffect(() => {
    look();
  }, [room.id, room.state]);
  return html`<section class="stage card" aria-label=${t('stage')}>
    <${Screen} market=${market} room=${room} />
    ${
      stream &&
      html`<button class="bare push" onClick=${() => [look(), show(true)]}>
        <span class="link ${stream.isPushed ? 'up' : 'down'}"> </span>
        ${t(stream.isPushed ? 'is_pushed' : 'push_url')}
      </button>`
    }
    <div class="now" aria-live="polite">
      ${
        onAir
          ? html`<${Icon} name="air" />
              <div class="about">
                <b>${onAir.product.title}</b>
                <${LivePrices} market=${market} item=${onAir} />
              </div>
              <button onClick=${() => run('ConsoleTakeOffAir', { id: room.id })}>${t('take_off_air')}</button>`
          : html`<${Icon} name="air" />
              <p class="soft">${t('nothing_on_air')}</p>`
      }
    </div>
    ${
      isShown &&
      html`<${Dialog} title=${t('push_url')} onClose=${() => show(false)}>
        <p class="soft">${t('video_hint')}</p>
        <${Copied} label=${t('push_server')} text=${stream.server} />
        <${Copied} label=${t('push_key')} text=${stream.streamKey} isSecret />
      <//>`
    }
  </section>`;
}

function Copied({ label, text, isSecret }) {
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => say(t('copied'), 'good'),
      () => null,
    );
  return html`<${Field} label=${label}>
    <span class="line">
      <input
        readonly
        type=${isSecret ? 'password' : 'text'}
        autocomplete="off"
        value=${text}
        onFocus=${(event) => event.target.select()} />
      <button type="button" onClick=${copy}>${t('copy')}</button>
    </span>
  <//>`;
}

/** The picture of a room: its video where there is one that this browser plays, its cover, or a night street. */
export function Screen({ market, room }) {
  const [playback, set] = useState(null);
  useEffect(() => {
    set(null);
    if (room.state === 'LIVE' && document.createElement('video').canPlayType(HLS))
      market.ask('RoomPlayback', { roomId: room.id }).then(set, () => null);
  }, [room.id, room.state]);
  return html`<div class="screen ${room.state.toLowerCase()}">
    ${
      /^https:/.test(room.coverUrl ?? '')
        ? html`<img src=${room.coverUrl} alt="" referrerpolicy="no-referrer" />`
        : html`<span class="lantern" aria-hidden="true"> </span>`
    }
    ${playback && html`<video src=${playback.hls} autoplay muted playsinline onError=${() => set(null)}></video>`}
  </div>`;
}

/** What an item costs now in the room, beside what it costs elsewhere. */
export function LivePrices({ market, item }) {
  const holding = item.livePrices.filter(({ until }) => !until || Date.parse(until) > market.now());
  if (holding.length === 0) return html`<span class="price">${priceRange(item.product)}</span>`;
  const [best] = [...holding].sort((a, b) => Number(a.price.minor) - Number(b.price.minor));
  return html`<span class="prices">
    <span class="price">${price(best.price)}</span>
    ${best.listPrice && Number(best.listPrice.minor) > Number(best.price.minor) && html` <s>${price(best.listPrice)}</s>`}
    ${best.until && html` <small>${t('live_price')} <${Countdown} market=${market} until=${best.until} /> </small>`}
  </span>`;
}

const priceRange = ({ lowestPrice, highestPrice }) =>
  lowestPrice.minor === highestPrice.minor ? price(lowestPrice) : `${price(lowestPrice)}–${highestPrice.amount}`;
