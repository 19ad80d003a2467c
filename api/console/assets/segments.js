// Segments: people whom a rule chooses. Each is counted before it is kept, refreshed when asked, and saved as a file.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { attempt, count, Dialog, Field, Form, Icon, minorOf, moment, say } from './parts.js';
import { t } from './words.js';

const EVERY = 2000; // milliseconds between looks at a segment that is being refreshed
const RFM = ['CHAMPION', 'LOYAL', 'PROMISING_SPENDER', 'NEWCOMER', 'AT_RISK', 'FADING', 'LOST_SPENDER', 'HIBERNATING'];
const TIERS = ['KNOWS', 'ACQUAINTED', 'APPROVES', 'TRUSTS', 'SUPER_USER'];
const STATES = ['MEMBER', 'FORMER', 'NEVER'];

export function Segments({ market }) {
  const [shown, set] = useState(null);
  const [pages, setPages] = useState(1);
  const [isNew, setNew] = useState(false);
  const load = () => newest(market, pages).then(set, (fault) => say(fault.message, 'bad'));
  const isRefreshing = shown?.nodes.some(({ refresh }) => refresh);
  useEffect(() => {
    load();
  }, [pages]);
  useEffect(() => {
    if (!isRefreshing) return undefined;
    const looking = setInterval(load, EVERY);
    return () => clearInterval(looking);
  }, [isRefreshing, pages]);
  const refresh = async ({ id }) => {
    if (await attempt(market, 'ConsoleRefreshSegment', { id })) load();
  };
  const save = async ({ id, name }) => {
    const link = await attempt(market, 'ConsoleExportSegment', { id });
    if (link?.url) await market.save(link.url, `${name}.csv`).catch((fault) => say(fault.message, 'bad'));
  };
  return html`<section class="card whole" aria-label=${t('segments')}>
    <div class="title">
      <h2>${t('segments')}</h2>
      <button onClick=${() => setNew(true)}>
        <${Icon} name="plus" />
        ${t('new_segment')}
      </button>
    </div>
    <small>${t('segments_hint')}</small>
    ${shown?.nodes.length === 0 && html`<p class="empty">${t('no_segments')}</p>`}
    <ul class="crowds">
      ${shown?.nodes.map(
        (segment) =>
          html`<li key=${segment.id}>
            <span>
              <b>${segment.name}</b>
              <small> ${segment.refresh ? t('refreshing', { n: count(segment.refresh.lookedAt) }) : held(segment)}</small>
            </span>
            <button onClick=${() => refresh(segment)}>${t('refresh')}</button>
            <button onClick=${() => save(segment)}>${t('export_csv')}</button>
          </li>`,
      )}
    </ul>
    ${shown?.pageInfo.hasNextPage && html`<button onClick=${() => setPages(pages + 1)}>${t('more')}</button>`}
    ${isNew && html`<${NewSegment} market=${market} onClose=${() => setNew(false)} onMade=${() => [setNew(false), load()]} />`}
  </section>`;
}

/** So many pages of segments, and whether there are more. */
async function newest(market, pages) {
  const nodes = [];
  let pageInfo = { hasNextPage: true, endCursor: null };
  for (let page = 0; page < pages && pageInfo.hasNextPage; page += 1) {
    const found = await market.ask('ConsoleSegments', { after: pageInfo.endCursor });
    nodes.push(...found.nodes);
    pageInfo = found.pageInfo;
  }
  return { nodes, pageInfo };
}

const held = ({ members, refreshedAt }) =>
  `${t('holds', { n: count(Number(members)) })}${refreshedAt ? ` · ${t('as_of', { at: moment(refreshedAt) })}` : ''}`;

function NewSegment({ market, onClose, onMade }) {
  const key = useRef(newKey());
  const [given, set] = useState({ name: '', rfm: '', tier: '', state: '', orders: '', value: '' });
  const [found, setFound] = useState(null);
  const typed = (name) => ({ value: given[name], onInput: (event) => set({ ...given, [name]: event.target.value }) });
  const rule = ruleOf(given);
  useEffect(() => {
    setFound(null);
    if (Object.keys(rule).length === 0) return undefined;
    let isAsked = true; // an answer about a rule that was changed since is none
    const hear = (people) => isAsked && setFound(people);
    const asking = setTimeout(() => market.ask('ConsolePreviewSegment', { rule }).then(hear, () => null), 400);
    return () => {
      isAsked = false;
      clearTimeout(asking);
    };
  }, [JSON.stringify(rule)]);
  const act = async () => {
    const input = { name: given.name, rule, idempotencyKey: key.current };
    if (await attempt(market, 'ConsoleSetSegment', { input }, key)) onMade();
  };
  return html`<${Dialog} title=${t('new_segment')} onClose=${onClose}>
    <${Form} act=${act} label=${t('create')}>
      <${Field} label=${t('segment_name')}>
        <input required maxlength="60" ...${typed('name')} />
      <//>
      <div class="pair">
        <${Choice} label=${t('segment_rfm')} names=${RFM} word="rfm" field=${typed('rfm')} />
        <${Choice} label=${t('segment_tier')} names=${TIERS} word="tier" field=${typed('tier')} />
      </div>
      <div class="pair">
        <${Choice} label=${t('segment_members')} names=${STATES} word="member_state" field=${typed('state')} />
        <${Field} label=${t('segment_orders')}>
          <input type="number" min="0" ...${typed('orders')} />
        <//>
      </div>
      <${Field} label=${t('segment_value')}>
        <input type="number" min="0" step="0.01" ...${typed('value')} />
      <//>
      <p role="status" aria-live="polite">${found !== null && t('would_choose', { n: count(Number(found)) })}</p>
    <//>
  <//>`;
}

const Choice = ({ label, names, word, field }) =>
  html`<${Field} label=${label}>
    <select ...${field}>
      <option value="">${t('segment_any')}</option>
      ${names.map((name) => html`<option value=${name}>${t(`${word}_${name}`)}</option>`)}
    </select>
  <//>`;

/** The conditions that were given. */
function ruleOf({ rfm, tier, state, orders, value }) {
  return {
    ...(rfm && { rfm: [rfm] }),
    ...(tier && { tierAtLeast: tier }),
    ...(state && { memberState: state }),
    ...(orders !== '' && { ordersAtLeast: Number(orders) }),
    ...(minorOf(value) !== null && { valueAtLeastMinor: minorOf(value) }),
  };
}
