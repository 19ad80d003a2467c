// A merchandiser's view of the shelf: which products, in what order, with which word and prices.
import { html, useState } from './htm-preact.min.js';
import { attempt, Dialog, Form, Icon, minorOf, Picture, price, say } from './parts.js';
import { t } from './words.js';

const yuanOf = (money) => (money ? money.amount : '');

export function ShelfEditor({ market, live, prices, run, onClose }) {
  const [shelf, set] = useState(() => live.items.map(({ product, pitch }) => row(product, pitch, prices)));
  const [search, setSearch] = useState('');
  const [found, setFound] = useState([]);
  const look = async () => setFound((await attempt(market, 'ConsoleProducts', { search: search || null }))?.nodes ?? []);
  const change = (at, changed) => set(shelf.map((each, index) => (index === at ? { ...each, ...changed } : each)));
  const swap = (at, other) =>
    shelf[other] && set(shelf.map((each, index) => ({ [at]: shelf[other], [other]: shelf[at] })[index] ?? each));
  const setPrice = (at, skuId, changed) =>
    change(at, { prices: shelf[at].prices.map((each) => (each.skuId === skuId ? { ...each, ...changed } : each)) });
  const act = async () => {
    const items = shelf.map(({ product, pitch, prices: asked }) => ({
      productId: product.id,
      pitch,
      prices: asked.filter(({ floor }) => floor !== '').map(priceInput),
    }));
    if (items.some((item) => item.prices.some(({ floorMinor, liveMinor }) => floorMinor === null || liveMinor === undefined)))
      return say(t('price_yuan'), 'bad');
    if (await run('ConsoleSetShelf', { input: { roomId: live.id, items } })) onClose();
  };
  return html`<${Dialog} title=${t('edit_shelf')} onClose=${onClose} wide>
    <form class="search" onSubmit=${(event) => [event.preventDefault(), look()]}>
      <input
        type="search"
        aria-label=${t('search_products')}
        placeholder=${t('search_products')}
        value=${search}
        onInput=${(event) => setSearch(event.target.value)} />
      <button>${t('search_products')}</button>
    </form>
    <ul class="found">
      ${found
        .filter((product) => !shelf.some((each) => each.product.id === product.id))
        .map(
          (product) =>
            html` <li key=${product.id}>
              <${Picture} url=${product.images[0]?.url} title=${product.title} />
              <span class="about">
                <b>${product.title}</b>
                <span class="price">${price(product.lowestPrice)}</span>
              </span>
              <button type="button" onClick=${() => set([...shelf, row(product, '', prices)])}>${t('add')}</button>
            </li>`,
        )}
    </ul>
    <${Form} act=${act} label=${t('save')}>
      <ol class="editing">
        ${shelf.map(
          ({ product, pitch, prices: asked }, at) =>
            html` <li key=${product.id}>
              <div class="line">
                <b>${at + 1}. ${product.title}</b>
                <button
                  type="button"
                  class="bare"
                  aria-label="↑ ${product.title}"
                  disabled=${at === 0}
                  onClick=${() => swap(at, at - 1)}>
                  ↑
                </button>
                <button
                  type="button"
                  class="bare"
                  aria-label="↓ ${product.title}"
                  disabled=${at === shelf.length - 1}
                  onClick=${() => swap(at, at + 1)}>
                  ↓
                </button>
                <button
                  type="button"
                  class="bare"
                  aria-label="${t('remove')} ${product.title}"
                  onClick=${() => set(shelf.filter((_, index) => index !== at))}>
                  <${Icon} name="trash" />
                </button>
              </div>
              <input
                aria-label=${t('pitch')}
                placeholder=${t('pitch')}
                maxlength="60"
                value=${pitch}
                onInput=${(event) => change(at, { pitch: event.target.value })} />
              ${asked.map(
                (each) =>
                  html`<div class="sku-prices" key=${each.skuId}>
                    <span>${each.title}<small> ${price(each.price)}</small> </span>
                    <label>
                      <small>${t('live_price')}</small>
                      <input
                        inputmode="decimal"
                        value=${each.live}
                        onInput=${(event) => setPrice(at, each.skuId, { live: event.target.value })} />
                    </label>
                    <label>
                      <small>${t('floor_price')}</small>
                      <input
                        inputmode="decimal"
                        value=${each.floor}
                        onInput=${(event) => setPrice(at, each.skuId, { floor: event.target.value })} />
                    </label>
                  </div>`,
              )}
            </li>`,
        )}
      </ol>
    <//>
  <//>`;
}

function row(product, pitch, prices) {
  const asked = product.skus.map((sku) => ({
    skuId: sku.id,
    title: sku.options.map(({ value }) => value).join(' ') || t('sku'),
    price: sku.price,
    live: yuanOf(prices.get(sku.id)?.livePrice),
    floor: yuanOf(prices.get(sku.id)?.floor),
  }));
  return { product, pitch, prices: asked };
}

const priceInput = ({ skuId, live, floor }) => ({
  skuId,
  floorMinor: minorOf(floor),
  liveMinor: live === '' ? null : (minorOf(live) ?? undefined),
});
