// Coupons: what a batch takes off, and the form that drops one in the room.
import { html, useEffect, useState } from './htm-preact.min.js';
import { attempt, count, Dialog, Form, price } from './parts.js';
import { t } from './words.js';

/** What a coupon takes off: ¥20 off, from ¥99. */
export const offOf = ({ amountOff, percentOff, cap }) =>
  amountOff ? `−${price(amountOff)}` : `−${percentOff}% ${t('cap', { price: price(cap) })}`;
export const thresholdOf = ({ threshold }) =>
  Number(threshold.minor) ? t('threshold', { price: price(threshold) }) : t('no_threshold');

export function CouponDialog({ market, live, onClose }) {
  const [batches, set] = useState(null);
  const [chosen, choose] = useState(null);
  useEffect(() => {
    attempt(market, 'ConsoleCouponBatches', { roomId: live.id }).then((page) => set(page?.nodes ?? []));
  }, []);
  const act = async () => {
    const couponBatch = await attempt(market, 'ConsoleDropCoupons', { input: { roomId: live.id, batchId: chosen } });
    if (!couponBatch) return;
    live.promote({ couponBatch });
    onClose();
  };
  return html`<${Dialog} title=${t('coupons')} onClose=${onClose}>
    ${batches?.length === 0 && html`<p class="empty">${t('no_batches')}</p>`}
    ${
      batches?.length > 0 &&
      html`<${Form} act=${act} label=${t('drop')}>
        <div class="choices">
          ${batches.map(
            (batch) =>
              html` <label key=${batch.id}>
                <input type="radio" name="batch" required checked=${batch.id === chosen} onChange=${() => choose(batch.id)} />
                <span class="about">
                  <b>${batch.title}</b>
                  <span class="facts">
                    <span class="price">${offOf(batch)}</span>
                    <small>${thresholdOf(batch)}</small>
                    <small>${t('coupons_left', { n: count(batch.left) })}</small>
                  </span>
                </span>
              </label>`,
          )}
        </div>
      <//>`
    }
  <//>`;
}
