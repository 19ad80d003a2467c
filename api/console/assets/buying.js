// What one has under way in the room, and paying for it: an order is quoted, placed at what was shown, and paid in a wallet.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { offOf } from './coupons.js';
import { newKey } from './market.js';
import { attempt, Countdown, Dialog, Field, Form, Icon, price } from './parts.js';
import { t } from './words.js';

/** Tickets that wait, and orders that are to be paid or were. */
export function Buying({ market, live, open }) {
  const waiting = live.tickets.filter(({ state }) => ['QUEUED', 'WAITING'].includes(state));
  const bought = ordersOf(live).filter(({ state }) => ['PLACED', 'PAID', 'LAPSED'].includes(state));
  if (!waiting.length && !bought.length) return null;
  return html`<h2>${t('my_things')}</h2>
    <ul aria-live="polite">
      ${waiting.map(
        (ticket) =>
          html`<li key=${ticket.id} class="card mine">
            <${Icon} name="clock" />
            <span>${t('queued', { n: ticket.position ?? 0 })}</span>
          </li>`,
      )}
      ${bought.map(
        (order) =>
          html`<li key=${order.id} class="card mine ${order.state.toLowerCase()}" data-order=${order.number}>
            <div class="about">
              <b>${order.lines.map(({ title, quantity }) => `${title} ×${quantity}`).join('、')}</b>
              <span class="facts">
                <span class="price">${price(order.total)}</span>
                <small>${t('order_of', { number: order.number })}</small>
              </span>
            </div>
            ${
              order.state === 'PLACED' &&
              html`<button class="main" onClick=${() => open({ kind: 'pay', order })}>
                ${t('pay')} <${Countdown} market=${market} until=${order.payBy} />
              </button>`
            }
            ${order.state === 'PAID' && html`<span class="badge good">${t('order_paid')}</span>`}
            ${order.state === 'LAPSED' && html`<span class="badge">${t('lapsed')}</span>`}
          </li>`,
      )}
    </ul>`;
}

/** Orders of tickets and others, each as it was told last. */
function ordersOf({ orders, tickets }) {
  const known = new Set(orders.map(({ id }) => id));
  return [...tickets.map(({ order }) => order).filter((order) => order && !known.has(order.id)), ...orders];
}

/** Pay for an `order`, or place one of an `item` of the shelf first. */
export function PayDialog({ market, live, item, order: given, onClose }) {
  const [placed, place] = useState(given ?? null);
  const order = placed && (ordersOf(live).find(({ id }) => id === placed.id) ?? placed);
  if (!order)
    return html`<${Dialog} title=${item.product.title} onClose=${onClose}>
      <${Checkout} market=${market} live=${live} item=${item} onPlaced=${place} />
    <//>`;
  return html`<${Dialog} title=${order.state === 'PAID' ? t('order_paid') : t('pay')} onClose=${onClose}>
    <${Pay} market=${market} order=${order} onClose=${onClose} />
  <//>`;
}

function Pay({ market, order, onClose }) {
  const [payUrl, set] = useState(null);
  const key = useRef(newKey());
  useEffect(() => {
    if (order.state === 'PLACED')
      attempt(market, 'WatchPay', { input: { orderId: order.id, idempotencyKey: key.current } }).then((answer) =>
        set(answer?.payUrl ?? ''),
      );
  }, [order.id]);
  return html`<p class="pay-total">
      <span class="price big">${price(order.total)}</span>
      <small>${t('order_of', { number: order.number })}</small>
    </p>
    ${
      order.state === 'PLACED' &&
      payUrl &&
      html`<a class="button main" href=${payUrl} target="_blank" rel="noopener noreferrer">${t('open_wallet')}</a>
        <p class="soft">${t('pay_hint')}</p>`
    }
    ${order.state === 'PLACED' && payUrl === '' && html`<p class="soft">${t('pay_in_wechat')}</p>`}
    ${
      order.state === 'PAID' &&
      html`<p class="badge good done">
          <${Icon} name="bag" />
          ${t('order_paid')}
        </p>
        <button onClick=${onClose}>${t('close')}</button>`
    }`;
}

function Checkout({ market, live, item, onPlaced }) {
  const [skuId, setSku] = useState(item.product.skus[0].id);
  const [places, setPlaces] = useState([]);
  const [place, setPlace] = useState(0);
  const [coupons, setCoupons] = useState([]);
  const [couponCode, setCoupon] = useState('');
  const [quote, setQuote] = useState(null);
  const key = useRef(newKey());
  const basket = {
    lines: [{ skuId, quantity: 1 }],
    fulfilment: places[place]?.fulfilment,
    roomId: live.id,
    couponCode: couponCode || null,
  };
  useEffect(() => {
    Promise.all([market.ask('WatchAddresses'), market.ask('WatchStores')]).then(
      ([addresses, stores]) =>
        setPlaces([
          ...addresses.nodes.map(({ id, recipient, city, district, street }) => ({
            name: `${recipient} ${city}${district}${street}`,
            fulfilment: { delivery: { addressId: id } },
          })),
          ...stores.nodes.map(({ id, name }) => ({ name: t('pickup', { store: name }), fulfilment: { pickup: { storeId: id } } })),
        ]),
      () => null,
    );
    market.ask('WatchCoupons').then(
      ({ nodes }) => setCoupons(nodes),
      () => null,
    );
  }, []);
  useEffect(() => {
    key.current = newKey();
    attempt(market, 'WatchQuote', { input: basket }).then(setQuote);
  }, [skuId, place, places.length, couponCode, item.livePrices]);
  const act = async () => {
    const order = await attempt(market, 'WatchPlaceOrder', {
      input: { ...basket, expectedTotal: quote.total.minor, idempotencyKey: key.current },
    });
    if (order) {
      live.takeMine({ orders: [order] });
      onPlaced(order);
    } else setQuote(await attempt(market, 'WatchQuote', { input: basket }));
  };
  const choose = (set) => (event) => set(event.target.value);
  return html`<${Form} act=${act} label=${`${t('place_order')} ${quote ? price(quote.total) : ''}`}>
    ${
      item.product.skus.length > 1 &&
      html`<${Field} label=${t('sku')}>
        <select value=${skuId} onChange=${choose(setSku)}>
          ${item.product.skus.map(({ id, title }) => html`<option value=${id}>${title}</option>`)}
        </select>
      <//>`
    }
    <${Field} label=${t('where_to')}>
      <select required value=${place} onChange=${choose(setPlace)}>
        ${places.map(({ name }, index) => html`<option value=${index}>${name}</option>`)}
      </select>
    <//>
    ${
      coupons.length > 0 &&
      html`<${Field} label=${t('coupon')}>
        <select value=${couponCode} onChange=${choose(setCoupon)}>
          <option value="">${t('no_coupon')}</option>
          ${coupons.map((coupon) => html`<option value=${coupon.couponCode}>${coupon.batch.title} ${offOf(coupon.batch)}</option>`)}
        </select>
      <//>`
    }
    ${quote?.problems.map(({ message }) => html`<p class="soft">${message}</p>`)}
  <//>`;
}
