// The forms that start a flash sale or a group-buy of an item on the shelf.
import { html, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { attempt, Dialog, Field, Form, minorOf, price, say } from './parts.js';
import { t } from './words.js';

export function FlashSaleDialog({ market, live, item, prices, onClose }) {
  const form = useOffer(live, item, prices, { units: '10', perShopper: '1', minutes: '5', payMinutes: '5' });
  const act = () =>
    form.send(market, 'ConsoleStartFlashSale', 'flashSale', onClose, ({ given, offer }) => ({
      offers: [
        { skuId: offer.skuId, salePriceMinor: offer.minor, units: Number(given.units), perShopper: Number(given.perShopper) },
      ],
      seconds: Number(given.minutes) * 60,
      paySeconds: Number(given.payMinutes) * 60,
    }));
  return html`<${Dialog} title=${t('flash_sale')} onClose=${onClose}>
    <${Form} act=${act} label=${t('start_sale')}>
      ${form.what()}
      <div class="pair">
        <${Field} label=${t('price_yuan')} hint=${form.hint}>
          <input name="price" inputmode="decimal" required ...${form.typed('price')} />
        <//>
        <${Field} label=${t('units')}>
          <input name="units" type="number" min="1" required ...${form.typed('units')} />
        <//>
        <${Field} label=${t('per_shopper')}>
          <input type="number" min="1" required ...${form.typed('perShopper')} />
        <//>
        <${Field} label=${t('minutes')}>
          <input name="minutes" type="number" min="1" max="1440" required ...${form.typed('minutes')} />
        <//>
        <${Field} label=${t('pay_minutes')}>
          <input type="number" min="1" max="1440" required ...${form.typed('payMinutes')} />
        <//>
      </div>
    <//>
  <//>`;
}

export function GroupBuyDialog({ market, live, item, prices, onClose }) {
  const form = useOffer(live, item, prices, { units: '30', seats: '3', minutes: '30', hours: '24' });
  const act = () =>
    form.send(market, 'ConsoleStartGroupBuy', 'groupBuyCampaign', onClose, ({ given, offer }) => ({
      offers: [{ skuId: offer.skuId, groupPriceMinor: offer.minor, units: Number(given.units) }],
      seconds: Number(given.minutes) * 60,
      seats: Number(given.seats),
      fillSeconds: Number(given.hours) * 3600,
    }));
  return html`<${Dialog} title=${t('group_buy')} onClose=${onClose}>
    <${Form} act=${act} label=${t('start_group_buy')}>
      ${form.what()}
      <div class="pair">
        <${Field} label=${t('price_yuan')} hint=${form.hint}>
          <input name="price" inputmode="decimal" required ...${form.typed('price')} />
        <//>
        <${Field} label=${t('group_size')}>
          <input type="number" min="2" max="100" required ...${form.typed('seats')} />
        <//>
        <${Field} label=${t('units')}>
          <input name="units" type="number" min="2" required ...${form.typed('units')} />
        <//>
        <${Field} label=${t('minutes')}>
          <input type="number" min="1" max="1440" required ...${form.typed('minutes')} />
        <//>
        <${Field} label=${t('group_hours')}>
          <input type="number" min="1" max="168" required ...${form.typed('hours')} />
        <//>
      </div>
    <//>
  <//>`;
}

/** What both forms have: an item of the shelf, one of its SKUs, a price not below its floor, and one key for the one wish. */
function useOffer(live, item, prices, others) {
  const start = item ?? live.items[0];
  const key = useRef(newKey());
  const [given, set] = useState(() => ({ ...others, itemId: start?.id, ...skuOf(start, prices, others.units) }));
  const chosen = live.items.find(({ id }) => id === given.itemId);
  const sku = chosen?.product.skus.find(({ id }) => id === given.skuId);
  const floor = prices.get(given.skuId)?.floor ?? sku?.price;
  const typed = (name) => ({ value: given[name], onInput: (event) => set({ ...given, [name]: event.target.value }) });
  const chooseItem = (event) =>
    set({
      ...given,
      itemId: event.target.value,
      ...skuOf(
        live.items.find(({ id }) => id === event.target.value),
        prices,
        others.units,
      ),
    });
  const what = () =>
    html`<div class="pair">
      <${Field} label=${t('shelf')}>
        <select value=${given.itemId} onChange=${chooseItem}>
          ${live.items.map(
            ({ id, position, product }) =>
              html`<option value=${id} selected=${id === given.itemId}>${position}. ${product.title}</option>`,
          )}
        </select>
      <//>
      ${
        chosen?.product.skus.length > 1 &&
        html`<${Field} label=${t('sku')}>
          <select ...${typed('skuId')}>
            ${chosen.product.skus.map(
              ({ id, options, price: listed }) =>
                html`<option value=${id} selected=${id === given.skuId}>
                  ${options.map(({ value }) => value).join(' ')} ${price(listed)}
                </option>`,
            )}
          </select>
        <//>`
      }
    </div>`;
  const send = async (market, name, facet, onClose, rest) => {
    const minor = minorOf(given.price);
    if (minor === null || (floor && minor < Number(floor.minor))) return say(hintOf(floor), 'bad');
    const input = {
      roomId: live.id,
      itemId: given.itemId,
      title: chosen.product.title,
      idempotencyKey: key.current,
      ...rest({ given, offer: { skuId: given.skuId, minor } }),
    };
    const started = await attempt(market, name, { input }, key);
    if (!started) return null;
    live.promote({ [facet]: started });
    return onClose();
  };
  return { given, typed, what, send, hint: hintOf(floor) };
}

const hintOf = (floor) => floor && t('at_least', { price: price(floor) });

/** The first SKU of an item, at its live price where it has one, and no more units of it than there are. */
function skuOf(item, prices, units) {
  const sku = item?.product.skus[0];
  return {
    skuId: sku?.id,
    price: (prices.get(sku?.id)?.livePrice ?? sku?.price)?.amount ?? '',
    units: String(Math.min(Number(units), Number(sku?.available ?? units))),
  };
}
