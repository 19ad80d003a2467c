// What is sold and given away in the room beside its shelf: start it, and see how it goes.
import { html } from './htm-preact.min.js';
import { Countdown, count, Icon, price } from './parts.js';
import { CouponDialog, offOf, thresholdOf } from './coupons.js';
import { DrawCard, DrawDialog } from './draws.js';
import { FlashSaleDialog, GroupBuyDialog } from './sales.js';
import { t } from './words.js';

const KINDS = { flash_sale: 'bolt', group_buy: 'people', coupons: 'ticket', draw: 'gift' };
const DIALOGS = { flash_sale: FlashSaleDialog, group_buy: GroupBuyDialog, coupons: CouponDialog, draw: DrawDialog };

export function Selling({ market, live, run, dialog, openDialog, prices }) {
  const Opened = dialog && DIALOGS[dialog.kind];
  const close = () => openDialog(null);
  const { flashSales, groupBuyCampaigns, couponBatches, draws } = live;
  const isQuiet = [flashSales, groupBuyCampaigns, couponBatches, draws].every((list) => list.length === 0);
  return html`<section class="selling card" aria-label=${t('sell')}>
    <header>
      <h2>${t('sell')}</h2>
    </header>
    <div class="kinds">
      ${Object.entries(KINDS).map(
        ([kind, icon]) =>
          html` <button disabled=${!live.isOn} onClick=${() => openDialog({ kind, item: live.onAir })}>
            <${Icon} name=${icon} />
            ${t(kind)}
          </button>`,
      )}
    </div>
    ${isQuiet && html`<p class="empty">${t('no_promotions')}</p>`}
    <ul class="running">
      ${draws.map((draw) => html`<${DrawCard} key=${draw.id} market=${market} live=${live} draw=${draw} />`)}
      ${flashSales.map((sale) => html`<${Sold} key=${sale.id} market=${market} icon="bolt" title=${sale.title} sale=${sale} />`)}
      ${groupBuyCampaigns.map((campaign) => {
        const title = `${campaign.title} · ${t('seats', { n: campaign.seats })}`;
        return html`<${Sold} key=${campaign.id} market=${market} icon="people" title=${title} sale=${campaign} />`;
      })}
      ${couponBatches.map(
        (batch) =>
          html`<li key=${batch.id}>
            <${Icon} name="ticket" />
            <div class="about">
              <b>${batch.title}</b>
              <span class="facts">
                <span class="price">${offOf(batch)}</span>
                <small>${thresholdOf(batch)}</small>
                <small>${t('coupons_left', { n: count(batch.left) })}</small>
              </span>
            </div>
          </li>`,
      )}
    </ul>
    ${Opened && html`<${Opened} market=${market} live=${live} item=${dialog.item} prices=${prices} onClose=${close} />`}
  </section>`;
}

/** A sale that was started here: how much of it is gone, and how long it goes on. */
function Sold({ market, icon, title, sale }) {
  const until = sale.calledOffAt ?? sale.closesAt;
  const [{ salePrice, groupPrice }] = sale.items;
  const isOver = Date.parse(until) <= market.now();
  const [units, left] = ['units', 'unitsLeft'].map((name) => sale.items.reduce((sum, item) => sum + Number(item[name]), 0));
  const stands = left ? t('units_left', { n: `${count(left)} / ${count(units)}` }) : t('sold_out');
  return html`<li class=${isOver ? 'over' : ''}>
    <${Icon} name=${icon} />
    <div class="about">
      <b>${title}</b>
      <span class="facts">
        <span class="price">${price(salePrice ?? groupPrice)}</span>
        <small>${isOver ? t('over') : stands}</small>
      </span>
      <progress max=${units} value=${units - left} aria-label=${t('units_left', { n: left })}></progress>
    </div>
    ${
      !isOver &&
      html`<span class="badge scheduled">
        <${Countdown} market=${market} until=${until} />
      </span>`
    }
  </li>`;
}
