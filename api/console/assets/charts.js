// Charts, drawn as SVG: an area over time, and bars. Colours are the style sheet's; the numbers can be read by keys, too.
import { html, useState } from './htm-preact.min.js';
import { time } from './parts.js';
import { language } from './words.js';

const WIDTH = 600;
const HEIGHT = 150;
const TOP = 14;
const STEPS = [1, 2, 2.5, 5, 10];

/** A round number that the largest value fits under. */
function ceiling(largest) {
  if (largest <= 4) return 4;
  const magnitude = 10 ** Math.floor(Math.log10(largest));
  return STEPS.find((step) => step * magnitude >= largest) * magnitude;
}

const short = (number) => new Intl.NumberFormat(language(), { notation: 'compact', maximumFractionDigits: 1 }).format(number);

/** Values over time: `points` are { at, value }, in order; `show` writes a value. */
export function TimeChart({ label, points, show = short, kind = 'warm' }) {
  const [chosen, choose] = useState(null);
  if (points.length === 0) return null;
  const [from, to] = [Date.parse(points[0].at), Date.parse(points.at(-1).at)];
  const most = ceiling(Math.max(...points.map(({ value }) => value)));
  const x = ({ at }) => (to === from ? WIDTH : ((Date.parse(at) - from) / (to - from)) * WIDTH);
  const y = ({ value }) => TOP + (1 - value / most) * (HEIGHT - TOP);
  const line = points.map((point) => `${x(point).toFixed(1)},${y(point).toFixed(1)}`).join(' ');
  const shown = points[chosen ?? points.length - 1];
  const seek = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    choose(points.reduce((best, point, index) => (Math.abs(x(point) - at) < Math.abs(x(points[best]) - at) ? index : best), 0));
  };
  const press = ({ key }) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) choose(Math.max(0, Math.min(points.length - 1, (chosen ?? points.length - 1) + step)));
  };
  return html`<figure class="chart ${kind}">
    <figcaption>
      <span>${label}</span>
      <b class="number">${show(shown.value)}</b>
      <small class="number">${time(shown.at)}</small>
    </figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      tabindex="0"
      aria-label=${`${label}: ${show(shown.value)}, ${time(shown.at)}`}
      onPointerMove=${seek}
      onPointerLeave=${() => choose(null)}
      onKeyDown=${press}
      onBlur=${() => choose(null)}>
      ${[TOP, (TOP + HEIGHT) / 2, HEIGHT].map((at) => html`<line class="rule" x1="0" x2=${WIDTH} y1=${at} y2=${at} />`)}
      <polygon class="area" points="0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}" />
      <polyline class="line" points=${points.length === 1 ? `0,${y(points[0])} ${WIDTH},${y(points[0])}` : line} />
      ${chosen !== null && html`<line class="cursor" x1=${x(shown)} x2=${x(shown)} y1=${TOP} y2=${HEIGHT} />`}
    </svg>
    <div class="axis">
      <small>${time(points[0].at)}</small>
      <small class="most">${short(most === 4 ? 4 : most)}</small>
      <small>${time(points.at(-1).at)}</small>
    </div>
  </figure>`;
}

/** How one part of a whole grows with a part of another: `points` are { x, y } from 0 to 1, in order. */
export function ShareCurve({ label, value, more, points, mark }) {
  const at = ({ x, y }) => `${(x * WIDTH).toFixed(1)},${(TOP + (1 - Math.max(0, y)) * (HEIGHT - TOP)).toFixed(1)}`;
  const line = [{ x: 0, y: 0 }, ...points].map(at).join(' ');
  return html`<figure class="chart">
    <figcaption>
      <span>${label}</span>
      <b class="number">${value}</b>
      <small>${more}</small>
    </figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${value}`}>
      ${[TOP, (TOP + HEIGHT) / 2, HEIGHT].map((y) => html`<line class="rule" x1="0" x2=${WIDTH} y1=${y} y2=${y} />`)}
      <polygon class="area" points="0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}" />
      <polyline class="line" points=${line} />
      ${mark !== null && html`<line class="cursor" x1=${mark * WIDTH} x2=${mark * WIDTH} y1=${TOP} y2=${HEIGHT} />`}
    </svg>
    <div class="axis"><small>0</small><small>100%</small></div>
  </figure>`;
}

/** Rows with a bar each: { name, value, more }, in the order given. */
export function Bars({ label, rows, show = short }) {
  if (rows.length === 0) return null;
  const most = Math.max(...rows.map(({ value }) => value), 1);
  return html`<figure class="bars">
    <figcaption>${label}</figcaption>
    <ol>
      ${rows.map(
        ({ name, value, more }) =>
          html` <li>
            <span class="name">${name}</span>
            <span class="value number">${show(value)}</span>
            <progress max=${most} value=${value} aria-hidden="true"></progress>
            ${more && html`<small>${more}</small>`}
          </li>`,
      )}
    </ol>
  </figure>`;
}
