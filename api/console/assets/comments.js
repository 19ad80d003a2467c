// Comments, the newest below, and the line in which one is written. What shoppers wrote is text, whatever it looks like.
import { html, useEffect, useRef, useState } from './htm-preact.min.js';
import { newKey } from './market.js';
import { attempt, Icon, say } from './parts.js';
import { t } from './words.js';

const NEAR = 80; // pixels from the end within which somebody is reading the newest

/** `onChoose`, where given, is what a button beside each comment does. */
export function Comments({ comments, onChoose }) {
  const list = useRef();
  const [isBehind, setBehind] = useState(false);
  const last = comments.at(-1)?.id;
  const toEnd = () => list.current.scrollTo({ top: list.current.scrollHeight });
  useEffect(() => {
    if (!isBehind) toEnd();
  }, [last]);
  useEffect(() => {
    const resized = new ResizeObserver(() => isBehind || toEnd()); // its panel may come into sight only now
    resized.observe(list.current);
    return () => resized.disconnect();
  }, [isBehind]);
  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
    setBehind(scrollHeight - scrollTop - clientHeight > NEAR);
  return html`<div class="comments-box">
    <ol
      class="comments"
      ref=${list}
      onScroll=${scrolled}
      tabindex="0"
      aria-label=${t('chat')}
      aria-live="polite"
      aria-relevant="additions">
      ${comments.length === 0 && html`<li class="empty">${t('chat_empty')}</li>`}
      ${comments.map(
        (comment) =>
          html`<li key=${comment.id} class=${comment.badge ? 'staff' : ''}>
            <p class="said">
              <bdi class="author">
                ${comment.badge && html`<span class="badge scheduled">${t(`badge_${comment.badge}`)}</span> `}
                ${comment.author}
              </bdi>
              <bdi>${comment.text}</bdi>
            </p>
            ${
              onChoose &&
              html`<button class="bare" aria-label=${`${t('moderate')}：${comment.author}`} onClick=${() => onChoose(comment)}>
                <${Icon} name="more" />
              </button>`
            }
          </li>`,
      )}
    </ol>
    ${isBehind && html`<button class="newest" onClick=${toEnd}>${t('new_below')}</button>`}
  </div>`;
}

export function Write({ market, live, placeholder, isOpen, id }) {
  const [text, setText] = useState('');
  const key = useRef(newKey());
  const send = async (event) => {
    event.preventDefault();
    if (!text.trim()) return;
    const input = { roomId: live.id, text, idempotencyKey: key.current };
    const posted = await attempt(market, 'PostComment', { input }, key);
    if (!posted) return;
    setText('');
    if (posted.state === 'WITHHELD') say(t('withheld'), 'plain');
  };
  return html`<form class="line write" onSubmit=${send}>
    <input
      id=${id}
      maxlength="200"
      disabled=${!isOpen}
      aria-label=${placeholder}
      placeholder=${isOpen ? placeholder : t(live.isOn ? 'chat_closed' : 'chat_later')}
      value=${text}
      onInput=${(event) => setText(event.target.value)} />
    <button class="bare" disabled=${!isOpen} title=${t('send')} aria-label=${t('send')}>
      <${Icon} name="send" />
    </button>
  </form>`;
}
