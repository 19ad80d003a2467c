// The stage: the picture, as far as there is one, and what is on air with its live prices.
import { html } from './htm-preact.min.js';
import { Countdown, Icon, Picture, price } from './parts.js';
import { t } from './words.js';

export function Stage({ market, live, run }) {
  const { room, onAir } = live;
  return html`<section class="stage card" aria-label=${t('stage')}>
    <div class="screen ${room.state.toLowerCase()}">
      <${Picture} url=${room.coverUrl} title=${room.title} />
      <p>${t('no_video')}</p>
    </div>
    <div class="now" aria-live="polite">
      ${onAir
        ? html`<${Icon} name="air" /><div class="about"><b>${onAir.product.title}</b><${LivePrices} market=${market} item=${onAir} /></div>
          <button onClick=${() => run('ConsoleTakeOffAir', { id: room.id })}>${t('take_off_air')}</button>`
        : html`<${Icon} name="air" /><p class="soft">${t('nothing_on_air')}</p>`}
    </div>
  </section>`;
}

/** What an item costs now in the room, beside what it costs elsewhere. */
export function LivePrices({ market, item }) {
  const holding = item.livePrices.filter(({ until }) => !until || Date.parse(until) > market.now());
  if (holding.length === 0) return html`<span class="price">${priceRange(item.product)}</span>`;
  const [best] = [...holding].sort((a, b) => Number(a.price.minor) - Number(b.price.minor));
  return html`<span class="prices"><span class="price">${price(best.price)}</span>
    ${best.listPrice && Number(best.listPrice.minor) > Number(best.price.minor) && html` <s>${price(best.listPrice)}</s>`}
    ${best.until && html` <small>${t('live_price')} <${Countdown} market=${market} until=${best.until} /></small>`}</span>`;
}

const priceRange = ({ lowestPrice, highestPrice }) => (lowestPrice.minor === highestPrice.minor ? price(lowestPrice) : `${price(lowestPrice)}–${highestPrice.amount}`);
