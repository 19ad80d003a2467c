// Members: what paid cards bring, how near customers are, how they come again, who is worth most, and segments of them.
import { html, useEffect, useState } from './htm-preact.min.js';
import { Bars, ShareCurve } from './charts.js';
import { count, moment, say, yuan } from './parts.js';
import { Segments } from './segments.js';
import { language, t } from './words.js';

const STAFF = ['MERCHANDISER', 'FINANCE', 'ADMIN'];
const DAYS = 30;
const MONTHS = 12;
const DAY = 86_400_000;
const SHOP_AHEAD = 8 * 3_600_000; // the shop's calendar is Shanghai's, wherever the browser is

export const isStaff = (viewer) => viewer.roles.some((role) => STAFF.includes(role));
const isMerchandiser = (viewer) => viewer.roles.some((role) => ['MERCHANDISER', 'ADMIN'].includes(role));

const shopDay = (milliseconds) => new Date(milliseconds + SHOP_AHEAD).toISOString().slice(0, 10);
const share = (part) => (part === null || part === undefined ? '—' : `${(part * 100).toFixed(1)}%`);
const money = (amount) => (amount ? yuan(Number(amount.minor)) : '—');

/** What a question answers, once it has; null before. */
function useAnswer(market, name, variables) {
  const [answer, set] = useState(null);
  useEffect(() => {
    market.ask(name, variables).then(set, (fault) => say(fault.message, 'bad'));
  }, []);
  return answer;
}

export function Members({ market, viewer }) {
  const now = market.now();
  const tomorrow = shopDay(now + DAY);
  const figures = useAnswer(market, 'ConsoleMembership', { from: shopDay(now - (DAYS - 1) * DAY), to: tomorrow });
  const tiers = useAnswer(market, 'ConsoleTiers');
  const fans = useAnswer(market, 'ConsoleCoreFans');
  const ladder = useAnswer(market, 'ConsoleLadder', { from: shopDay(now - MONTHS * 30 * DAY), to: shopDay(now) });
  const pareto = useAnswer(market, 'ConsolePareto');
  const rfm = useAnswer(market, 'ConsoleRfm');
  const best = useAnswer(market, 'ConsoleBestCustomers');
  return html`<main class="members">
    <h1 class="unseen">${t('members')}</h1>
    <${Metrics} figures=${figures} />
    <${Panel} title=${t('trust_tiers')} hint=${tiers?.length > 0 && t('as_of', { at: moment(tiers[0].countedAt) })}>
      ${tiers?.length > 0 && html`<${Tiers} tiers=${tiers} />`}
    <//>
    <${Panel} title=${t('core_fans')}>${fans && html`<${CoreFans} fans=${fans} />`}<//>
    <${Panel} title=${t('ladder')} hint=${t('ladder_hint')}>
      ${ladder?.cohorts.length > 0 && html`<${Ladder} cohorts=${ladder.cohorts} />`}
    <//>
    <${Panel} title=${t('pareto')}>${pareto?.carriers && html`<${Pareto} pareto=${pareto} />`}<//>
    <${Panel} title=${t('rfm')}>
      ${
        rfm &&
        html`<${Bars}
          label=${t('customers')}
          show=${count}
          rows=${rfm.segments.map(({ segment, customers, share: part, spend }) => ({
            name: t(`rfm_${segment}`),
            value: customers,
            more: `${share(part)} · ${money(spend)}`,
          }))} />`
      }
    <//>
    <${Panel} title=${t('best_customers')}>
      ${best?.nodes.length > 0 && html`<${Best} customers=${best.nodes} />`}
    <//>
    ${isMerchandiser(viewer) && html`<${Segments} market=${market} />`}
  </main>`;
}

function Panel({ title, hint, children }) {
  return html`<section class="card" aria-label=${title}>
    <h2>${title}</h2>
    ${hint && html`<small>${hint}</small>`} ${children || html`<p class="empty">${t('no_data')}</p>`}
  </section>`;
}

function Metrics({ figures }) {
  if (!figures?.refreshedAt) return html`<${Panel} title=${t('members')} />`;
  const { members, people, newMembers, termsDue, revenuePerMember, revenuePerOther, spendMultiple } = figures;
  return html`<section class="card whole" aria-label=${t('members')}>
    <h2>${t('members')} · ${t('last_days', { n: DAYS })}</h2>
    <dl class="sums">
      <${Metric}
        name="penetration"
        value=${share(figures.penetration)}
        more=${t('penetration_of', { members: count(members), people: count(people) })} />
      <${Metric} name="member_conversion" value=${share(figures.conversion)} more=${t('became_members', { n: count(newMembers) })} />
      <${Metric} name="renewal_rate" value=${share(figures.renewalRate)} more=${t('cards_due', { n: count(termsDue) })} />
      <${Metric}
        name="revenue_per_member"
        value=${money(revenuePerMember)}
        more=${t('revenue_per_other', { amount: money(revenuePerOther) })} />
      <${Metric}
        name="spend_multiple"
        value=${spendMultiple === null ? '—' : `${spendMultiple.toFixed(1)}×`}
        more=${t('member_to_other')} />
    </dl>
    <small>${t('as_of', { at: moment(figures.refreshedAt) })}</small>
  </section>`;
}

const Metric = ({ name, value, more }) =>
  html`<div>
    <dt>${t(name)}</dt>
    <dd class="number" id=${`metric-${name}`}>${value}</dd>
    <small>${more}</small>
  </div>`;

const Tiers = ({ tiers }) =>
  html`<${Bars}
    label=${t('customers')}
    show=${count}
    rows=${tiers.map(({ tier, customers }) => ({ name: t(`tier_${tier}`), value: Number(customers) }))} />`;

function CoreFans({ fans }) {
  const ahead = fans.milestones.find(({ size }) => size > fans.count)?.size ?? fans.count;
  const missing = fans.missing === null ? '' : t('fans_missing', { n: count(fans.missing) });
  return html`<figure class="bars fans">
      <figcaption>
        <span>${missing}</span>
        <b class="number">${`${count(fans.count)} / ${count(ahead)}`}</b>
      </figcaption>
      <progress max=${ahead} value=${fans.count} aria-label=${missing}></progress>
    </figure>
    <ol class="milestones">
      ${fans.milestones.map(
        ({ size, reachedAt }) =>
          html`<li>
            <b class="number">${t('milestone_at', { n: count(size) })}</b>
            <small>${reachedAt ? moment(reachedAt) : t('not_reached')}</small>
          </li>`,
      )}
    </ol>`;
}

function Ladder({ cohorts }) {
  const steps = cohorts[0].steps.map(({ step }) => step);
  const month = (day) => new Date(`${day}T00:00Z`).toLocaleDateString(language(), { year: 'numeric', month: 'short', timeZone: 'UTC' });
  return html`<div class="ladder-table" tabindex="0" role="region" aria-label=${t('ladder')}>
    <table>
      <thead>
        <tr>
          <th scope="col">${t('cohort')}</th>
          <th scope="col">${t('customers')}</th>
          ${steps.map((step) => html`<th scope="col">${t('ladder_step', { from: step, to: step + 1 })}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${cohorts.map(
          (cohort) =>
            html`<tr>
              <th scope="row">${month(cohort.month)}</th>
              <td class="number">${count(cohort.customers)}</td>
              ${cohort.steps.map(
                ({ rate }) =>
                  html`<td class="number">
                    ${share(rate)}${rate !== null && html`<meter min="0" max="1" value=${rate} aria-hidden="true"></meter>`}
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Pareto({ pareto }) {
  const { customers, curve, margin, carriersShare, costedShare } = pareto;
  return html`<${ShareCurve}
    label=${t('pareto_says', { share: share(carriersShare) })}
    value=${money(margin)}
    more=${costedShare === null ? '' : t('costed', { share: share(costedShare) })}
    points=${curve.map((point) => ({ x: point.customers / customers, y: Number(point.margin.minor) / Number(margin.minor) }))}
    mark=${carriersShare} />`;
}

const Best = ({ customers }) =>
  html`<${Bars}
    label=${t('best_customers')}
    show=${(minor) => yuan(minor, true)}
    rows=${customers.map(({ accountId, value: { value, marginPerOrder, referralIndex }, orders }) => ({
      name: `…${accountId.slice(-6)}`,
      value: Number(value.minor),
      more: t('value_of', { n: count(orders), margin: money(marginPerOrder), index: referralIndex.toFixed(2) }),
    }))} />`;
