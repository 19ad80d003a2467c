// How the room goes: sums, curves, and who and what sells, straight from the ledger every few seconds.
import { html, useEffect, useState } from './htm-preact.min.js';
import { Bars, TimeChart } from './charts.js';
import { count, span, yuan } from './parts.js';
import { t } from './words.js';

const EVERY = 4000; // milliseconds; the curve has a point every five seconds
const MOST_ROWS = 8;
const DAY = 86_400_000;
const STAFF = ['MERCHANDISER', 'FINANCE', 'ADMIN'];

const brought = ({ viewers }) => `${t('brought', { n: count(viewers) })} · `;

/** A row of `Bars`, as long as its GMV. */
const bar = (name, { gmv, orders }, before = '') => ({
  name,
  value: Number(gmv.minor),
  more: before + t('orders_of', { n: count(orders) }),
});

/** The room's figures, asked for again and again while it is on and the page is looked at; null before the first. */
export function useFigures(market, roomId, isOn) {
  const [figures, set] = useState(null);
  useEffect(() => {
    const look = () =>
      document.hidden ||
      market.ask('ConsoleFigures', { roomId }).then(
        (answer) => answer.code || set(answer),
        () => null,
      );
    look();
    if (!isOn) return undefined;
    const looking = setInterval(look, EVERY);
    return () => clearInterval(looking);
  }, [roomId, isOn]);
  return figures;
}

export function Figures({ market, live, figures, viewer }) {
  if (!figures)
    return html`<section class="figures card" aria-label=${t('figures')}>
      <header>
        <h2>${t('figures')}</h2>
      </header>
      <p class="empty">${t('no_figures')}</p>
    </section>`;
  const { sold, items, guides, channels, curve, conversion } = figures;
  const money = (minor) => yuan(minor, true);
  return html`<section class="figures card" aria-label=${t('figures')}>
    <header>
      <h2>${t('figures')}</h2>
    </header>
    <dl class="sums">
      <${Sum} label=${t('gmv')} value=${money(Number(sold.gmv.minor))} id="gmv" />
      <${Sum} label=${t('orders')} value=${count(sold.orders)} id="orders" />
      <${Sum} label=${t('conversion')} value=${conversion === null ? '—' : `${(conversion * 100).toFixed(1)}%`} />
      <${Sum} label=${t('average_order')} value=${sold.averageOrder ? money(Number(sold.averageOrder.minor)) : '—'} />
      <${Sum} label=${t('refunded')} value=${money(Number(sold.refunded.minor))} />
      <${Sum} label=${t('comments_count')} value=${count(figures.comments)} />
    </dl>
    <div class="charts">
      <${TimeChart}
        label=${t('over_time')}
        points=${curve.map(({ at, viewers }) => ({ at, value: Number(viewers) }))}
        show=${count} />
      <${TimeChart}
        label=${t('buying_over_time')}
        points=${curve.map(({ at, buying }) => ({ at, value: Number(buying) }))}
        show=${count}
        kind="hot" />
      <${Bars}
        label=${t('per_item')}
        show=${money}
        rows=${items
          .filter(({ gmv }) => Number(gmv.minor))
          .slice(0, MOST_ROWS)
          .map(({ item, gmv, units, onAirSeconds }) => ({
            name: item?.product ? `${item.position}. ${item.product.title}` : t('other_goods'),
            value: Number(gmv.minor),
            more: t('sold_on_air', { n: count(units), time: span(Number(onAirSeconds) * 1000) }),
          }))} />
      <div class="stack">
        <${Bars}
          label=${t('per_channel')}
          show=${money}
          rows=${channels.map(({ channel, sold: each }) => bar(t(`channel_${channel}`), each))} />
        <${Bars}
          label=${`${t('by_sharer')} · ${t('brought', { n: count(figures.broughtViewers) })}`}
          show=${money}
          rows=${guides.slice(0, MOST_ROWS).map((guide) => bar(guide.name, guide, brought(guide)))} />
        ${viewer.roles.some((role) => STAFF.includes(role)) && html`<${Leaderboard} market=${market} live=${live} />`}
      </div>
    </div>
  </section>`;
}

const Sum = ({ label, value, id }) =>
  html`<div>
    <dt>${label}</dt>
    <dd class="number" id=${id && `sum-${id}`}>${value}</dd>
  </div>`;

/** Hosts by what they have sold in the last thirty days. */
function Leaderboard({ market, live }) {
  const [hosts, set] = useState([]);
  useEffect(() => {
    const now = market.now();
    market
      .ask('ConsoleLeaderboard', { from: new Date(now - 30 * DAY).toISOString(), to: new Date(now).toISOString() })
      .then(set, () => null);
  }, [live.room.state]);
  return html`<${Bars}
    label=${t('leaderboard')}
    show=${(minor) => yuan(minor, true)}
    rows=${hosts.map(({ name, sold }) => bar(name, sold))} />`;
}
