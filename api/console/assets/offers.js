// What is going on in the room beside its shelf, for who watches: flash sales, group-buys, coupons and draws.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { offOf, thresholdOf } from './coupons.js';
import { Winners } from './draws.js';
import { newKey } from './market.js';
import { attempt, count, Countdown, Icon, price, say, useTick } from './parts.js';
import { t } from './words.js';

const LONGEST_LINE = 20; // tries at a pass or a claim before we tell that there are too many
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export function Offers({ market, live, taking, open }) {
  useTick(1000);
  const all = { market, live, taking, open };
  const isRunning = ({ closesAt, claimableUntil, calledOffAt }) =>
    !calledOffAt && Date.parse(closesAt ?? claimableUntil) > market.now();
  const withItems = (sale) => sale.items.map((item) => [sale, item]);
  const draws = live.draws.filter(({ state }) => state !== 'CALLED_OFF');
  const sales = live.flashSales.filter(isRunning).flatMap(withItems);
  const campaigns = live.groupBuyCampaigns.filter(isRunning).flatMap(withItems);
  const batches = live.couponBatches.filter(isRunning);
  return html`<section class="offers" aria-live="polite" aria-label=${t('sell')}>
    ${draws.map((draw) => html`<${Draw} key=${draw.id} ...${all} draw=${draw} />`)}
    ${sales.map(([sale, item]) => html`<${FlashItem} key=${item.id} ...${all} sale=${sale} item=${item} />`)}
    ${campaigns.map(([campaign, item]) => html`<${Group} key=${item.id} ...${all} campaign=${campaign} item=${item} />`)}
    ${batches.map((batch) => html`<${Coupons} key=${batch.id} ...${all} batch=${batch} />`)}
  </section>`;
}

const Card = ({ icon, kind, title, until, market, children }) =>
  html`<article class="card offer">
    <header>
      <span class="badge live-kind"><${Icon} name=${icon} />${kind}</span>
      <b>${title}</b>
      ${until && html`<${Countdown} market=${market} until=${until} />`}
    </header>
    ${children}
  </article>`;

/** Claim one of these: first a pass, or a place in line for one; then the claim, again with its key while the gate is busy. */
async function claim(market, itemId, idempotencyKey) {
  let leave = { place: null };
  for (let tries = 0; tries < LONGEST_LINE; tries++) {
    if (!leave.pass) {
      leave = await market.ask('WatchPass', { input: { itemId, place: leave.place ?? null } });
      if (leave.code) return leave;
      if (leave.place) await pause(leave.pollAfterMs);
      continue;
    }
    const ticket = await market.ask('WatchClaim', { input: { pass: leave.pass, idempotencyKey } });
    if (ticket.code !== 'FLASH_SALE_BUSY') return ticket;
    await pause(ticket.retryAfterMs);
  }
  return { code: 'TOO_MANY', message: t('too_many') };
}

function FlashItem({ market, live, taking, sale, item }) {
  const [isClaiming, set] = useState(false);
  const key = useRef(newKey());
  const tickets = live.tickets.filter(({ itemId }) => itemId === item.id);
  const isWaiting = isClaiming || tickets.some(({ state }) => ['QUEUED', 'WAITING'].includes(state));
  const isMine = tickets.some(({ state }) => ['RESERVED', 'PAID'].includes(state));
  const act = async () => {
    set(true);
    try {
      const told = await claim(market, item.id, key.current);
      if (told.code) say(told.message, 'bad');
      else live.takeMine({ tickets: [told] });
      key.current = newKey();
    } catch (fault) {
      say(fault.message, 'bad'); // the same key next time: nothing is taken twice
    }
    set(false);
  };
  return html`<${Card} icon="bolt" kind=${t('flash_sale')} title=${item.title} until=${sale.closesAt} market=${market}>
    <div class="deal">
      <span class="price big">${price(item.salePrice)}</span>
      ${item.sku && html`<s>${price(item.sku.price)}</s>`}
      <small>${t('units_left', { n: count(item.unitsLeft) })}</small>
      <button class="main" disabled=${isWaiting || isMine} aria-busy=${isWaiting} onClick=${() => taking(act)}>
        ${t((isMine && 'claimed') || (isWaiting && 'claiming') || 'claim')}
      </button>
    </div>
  <//>`;
}

function Group({ market, live, taking, open, campaign, item }) {
  const key = useRef(newKey());
  const sit = async (name, where) => {
    const seat = await attempt(market, name, { input: { ...where, itemId: item.id, idempotencyKey: key.current } }, key);
    if (!seat) return;
    live.takeMine({ orders: [seat.order], groupBuys: [seat.groupBuy] });
    open({ kind: 'pay', order: seat.order });
  };
  return html`<${Card}
    icon="people"
    kind=${t('seats', { n: campaign.seats })}
    title=${item.title}
    until=${campaign.closesAt}
    market=${market}>
    <div class="deal">
      <span class="price big">${price(item.groupPrice)}</span>
      ${item.soloPrice && html`<s>${price(item.soloPrice)}</s>`}
      <small>${t('units_left', { n: count(item.unitsLeft) })}</small>
      <button class="main" onClick=${() => taking(() => sit('WatchOpenGroup', { campaignId: campaign.id }))}>
        ${t('open_group')}
      </button>
    </div>
    ${campaign.openGroups.nodes
      .filter(({ groupBuyId }) => !live.groups.some(({ id }) => id === groupBuyId))
      .map(
        (group) =>
          html`<div class="deal" key=${group.groupBuyId}>
            <small>${t('group_of', { name: group.leaderName, n: group.seatsLeft })}</small>
            <button onClick=${() => taking(() => sit('WatchJoinGroup', { groupBuyId: group.groupBuyId }))}>
              ${t('join_group')}
            </button>
          </div>`,
      )}
  <//>`;
}

function Coupons({ market, live, taking, batch }) {
  const [isMine, set] = useState(false);
  const key = useRef(newKey());
  const act = async () => {
    const coupon = await attempt(market, 'WatchClaimCoupon', { input: { batchId: batch.id, idempotencyKey: key.current } });
    if (!coupon) return;
    live.promote({ couponBatch: coupon.batch });
    set(true);
  };
  return html`<${Card} icon="ticket" kind=${t('coupon')} title=${batch.title} market=${market}>
    <div class="deal">
      <span class="price big">${offOf(batch)}</span>
      <small>${thresholdOf(batch)} · ${t('coupons_left', { n: count(batch.left) })}</small>
      <button class="main" disabled=${isMine} onClick=${() => taking(act)}>${t(isMine ? 'have_coupon' : 'take_coupon')}</button>
    </div>
  <//>`;
}

function Draw({ market, live, taking, draw }) {
  const [mine, set] = useState(null);
  const look = () => market.isSignedIn && market.ask('ConsoleDraw', { id: draw.id }).then(set, () => null);
  useEffect(() => {
    look();
  }, [draw.state, market.isSignedIn]);
  const act = async () => {
    if (await attempt(market, 'WatchEnterDraw', { id: draw.id })) look();
  };
  const isOpen = draw.state === 'OPEN' && Date.parse(draw.closesAt) > market.now();
  return html`<${Card} icon="gift" kind=${t('draw')} title=${draw.title} until=${isOpen ? draw.closesAt : null} market=${market}>
    <p class="soft">${draw.prizes.map(({ name, pieces }) => `${name} ×${pieces}`).join('、')}</p>
    ${mine?.myPrize && html`<p class="badge good won">${t('won', { code: mine.myPrize.code })}</p>`}
    <div class="deal">
      <small>${t('entries', { n: count(Math.max(Number(draw.entrants), Number(mine?.entrants ?? 0))) })}</small>
      ${
        isOpen
          ? html`<button class="main" disabled=${mine?.myEntry} onClick=${() => taking(act)}>
              ${t(mine?.myEntry ? 'entered' : 'enter_draw')}
            </button>`
          : html`<small>${t(draw.state === 'DRAWN' ? 'drawn' : 'wait_for_draw')}</small>`
      }
    </div>
    <${Winners} market=${market} draw=${draw} />
  <//>`;
}
