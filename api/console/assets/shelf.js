// The shelf: which product is on air, which is pinned, and by keys as well as by hand.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { count, Icon, Picture, price } from './parts.js';
import { LivePrices } from './stage.js';
import { ShelfEditor } from './shelf_editor.js';
import { t } from './words.js';

const UNKNOWN = new Map();

/** What the crew may ask, by SKU: its live price and its floor. */
export function usePrices(market, roomId, shelfRead) {
  const [prices, set] = useState(UNKNOWN);
  useEffect(() => {
    const keep = (shelf) => set(new Map(shelf.flatMap((each) => each.prices).map((each) => [each.skuId, each])));
    if (shelfRead) market.ask('ConsoleShelf', { roomId }).then(keep, () => null);
  }, [roomId, shelfRead]);
  return prices;
}

export function Shelf({ market, live, run, openDialog, prices, isMerchandiser }) {
  const { room, items, onAirId } = live;
  const [at, setAt] = useState(0);
  const [isEditing, setEditing] = useState(false);
  const rows = useRef();
  const air = (item) => item.id !== onAirId && run('ConsolePutOnAir', { input: { roomId: room.id, itemId: item.id } });
  const pin = (item) => run(item.isPinned ? 'ConsoleUnpin' : 'ConsolePin', { input: { roomId: room.id, itemId: item.id } });
  const sell = (item) => openDialog({ kind: 'flash_sale', item });
  const move = (to) => {
    const next = Math.max(0, Math.min(items.length - 1, to));
    setAt(next);
    rows.current.children[next]?.focus();
  };
  const press = (event) => {
    const item = event.target.parentElement === rows.current && items[at]; // a key on a button of a row is that button's
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowDown: () => move(at + 1),
      ArrowUp: () => move(at - 1),
      Home: () => move(0),
      End: () => move(items.length - 1),
      Enter: () => air(item),
      p: () => pin(item),
      f: () => live.isOn && sell(item),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return html`<section class="shelf card" aria-label=${t('shelf')}>
    <header>
      <h2>${t('shelf')} <small class="number">${items.length}</small></h2>
      ${
        isMerchandiser &&
        html`<button class="bare" disabled=${prices === UNKNOWN} onClick=${() => setEditing(true)}>${t('edit_shelf')}</button>`
      }
    </header>
    ${items.length === 0 && html`<p class="empty">${t('shelf_empty')}</p>`}
    <ol ref=${rows} onKeyDown=${press}>
      ${items.map(
        (item, index) =>
          html` <li
            key=${item.id}
            tabindex=${index === at ? 0 : -1}
            onFocus=${() => setAt(index)}
            class=${item.id === onAirId ? 'airing' : ''}
            aria-label=${`${item.position}. ${item.product.title}`}
            aria-current=${item.id === onAirId ? 'true' : null}>
            <span class="thumb">
              <${Picture} url=${item.product.images[0]?.url} title=${item.product.title} />
              <span class="rank number">${item.position}</span>
            </span>
            <div class="about">
              <b>${item.product.title}</b>
              ${item.pitch && html`<span class="soft">${item.pitch}</span>`}
              <span class="facts">
                <${LivePrices} market=${market} item=${item} />
                <${Planned} item=${item} prices=${prices} />
                <small
                  >${t('units_left', { n: count(item.product.skus.reduce((sum, sku) => sum + Number(sku.available), 0)) })}
                </small>
              </span>
            </div>
            <div class="does">
              ${
                item.id === onAirId
                  ? html`<span class="badge live">${t('on_air')}</span>`
                  : html`<button class=${live.isOn ? 'soft-main' : ''} disabled=${!live.isOn} onClick=${() => air(item)}>
                      ${t('put_on_air')}
                    </button>`
              }
              <button
                class="bare"
                aria-pressed=${item.isPinned}
                title=${t(item.isPinned ? 'unpin' : 'pin')}
                aria-label=${`${t(item.isPinned ? 'unpin' : 'pin')}：${item.product.title}`}
                onClick=${() => pin(item)}>
                <${Icon} name="pin" />
              </button>
              <button
                class="bare"
                disabled=${!live.isOn}
                title=${t('flash_sale')}
                aria-label=${`${t('flash_sale')}：${item.product.title}`}
                onClick=${() => sell(item)}>
                <${Icon} name="bolt" />
              </button>
            </div>
          </li>`,
      )}
    </ol>
    <p class="keys">${t('keys')}</p>
    ${
      isEditing &&
      html`<${ShelfEditor} market=${market} live=${live} prices=${prices} run=${run} onClose=${() => setEditing(false)} />`
    }
  </section>`;
}

/** The price that an item will have once it is on air. */
function Planned({ item, prices }) {
  if (item.livePrices.length) return null;
  const planned = item.product.skus.map(({ id }) => prices.get(id)?.livePrice).filter(Boolean);
  if (planned.length === 0) return null;
  const [best] = planned.sort((a, b) => Number(a.minor) - Number(b.minor));
  return html`<span class="badge scheduled">${t('live_price')} ${price(best)}</span>`;
}
