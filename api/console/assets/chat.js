// The host's side of the chat: read, answer, announce, and keep it decent.
import { html, useEffect, useState } from './htm-preact.min.js';
import { Comments, Write } from './comments.js';
import { attempt, Dialog, Field, Form, Icon, moment, say } from './parts.js';
import { t } from './words.js';

const SLOW = [0, 3, 10, 30, 60];
const REASONS = ['reason_spam', 'reason_abuse', 'reason_illegal'];

export function Chat({ market, live, run }) {
  const { room, comments, notice } = live;
  const [chosen, choose] = useState(null);
  const [opened, open] = useState(null);
  const setChat = (changed) =>
    run('ConsoleSetChat', {
      input: { roomId: room.id, isOpen: room.isChatOpen, slowSeconds: Number(room.slowSeconds), ...changed },
    });
  useEffect(() => {
    const press = (event) => {
      if (event.key !== '/' || event.target.closest('input, textarea, select, dialog')) return;
      event.preventDefault();
      document.getElementById('write').focus();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return html`<section class="chat card" aria-label=${t('chat')}>
    <header>
      <h2>${t('chat')}</h2>
      <div class="chat-rules">
        <select
          aria-label=${t('slow_mode')}
          value=${Number(room.slowSeconds)}
          onChange=${(event) => setChat({ slowSeconds: Number(event.target.value) })}>
          ${[...new Set([...SLOW, Number(room.slowSeconds)])].map(
            (seconds) =>
              html`<option value=${seconds} selected=${seconds === Number(room.slowSeconds)}>
                ${seconds ? t('slow_seconds', { n: seconds }) : t('slow_off')}
              </option>`,
          )}
        </select>
        <button
          class="small"
          aria-pressed=${room.isChatOpen}
          title=${t(room.isChatOpen ? 'chat_open' : 'chat_closed')}
          onClick=${() => setChat({ isOpen: !room.isChatOpen })}>
          ${t('chat_switch')}
        </button>
        <button class="bare" title=${t('silenced')} aria-label=${t('silenced')} onClick=${() => open('silences')}>
          <${Icon} name="people" />
        </button>
      </div>
    </header>
    <div class="reading">
      ${
        notice &&
        html`<p class="notice">
          <${Icon} name="horn" />
          <bdi>${notice.text}</bdi>
        </p>`
      }
      <${Comments} comments=${comments} onChoose=${choose} />
    </div>
    <div class="writing">
      <div class="line">
        <${Write} market=${market} live=${live} placeholder=${t('write')} isOpen=${live.isOn} id="write" />
        <button
          class="bare"
          disabled=${!live.isOn}
          title=${t('announce')}
          aria-label=${t('announce')}
          onClick=${() => open('announce')}>
          <${Icon} name="horn" />
        </button>
      </div>
    </div>
    ${chosen && html`<${Moderate} market=${market} comment=${chosen} onClose=${() => choose(null)} />`}
    ${opened === 'announce' && html`<${Announce} market=${market} live=${live} onClose=${() => open(null)} />`}
    ${opened === 'silences' && html`<${Silences} market=${market} live=${live} onClose=${() => open(null)} />`}
  </section>`;
}

function Announce({ market, live, onClose }) {
  const [text, setText] = useState('');
  const act = async () => (await attempt(market, 'ConsoleAnnounce', { input: { roomId: live.id, text } })) && onClose();
  return html`<${Dialog} title=${t('announce')} onClose=${onClose}>
    <${Form} act=${act} label=${t('announce')}>
      <${Field} label=${t('announce')} hint=${t('announce_hint')}>
        <textarea required maxlength="200" value=${text} onInput=${(event) => setText(event.target.value)}></textarea>
      <//>
    <//>
  <//>`;
}

const STEPS = {
  remove_comment: ['ConsoleRemoveComment', 'removed'],
  mute: ['ConsoleMute', 'muted'],
  ban: ['ConsoleBan', 'banned'],
};

function Moderate({ market, comment, onClose }) {
  const [step, setStep] = useState('remove_comment');
  const [reason, setReason] = useState(t(REASONS[0]));
  const [minutes, setMinutes] = useState('30');
  const act = async () => {
    const [name, done] = STEPS[step];
    const input = { commentId: comment.id, reason, ...(step === 'mute' && { minutes: Number(minutes) }) };
    if (!(await attempt(market, name, { input }))) return;
    say(t(done), 'good');
    onClose();
  };
  return html`<${Dialog} title=${t('moderate')} onClose=${onClose}>
    <blockquote class="said"><bdi class="author">${comment.author}</bdi> <bdi>${comment.text}</bdi></blockquote>
    <${Form} act=${act} label=${t(step)} danger=${step === 'ban'}>
      <div class="segments" role="radiogroup" aria-label=${t('moderate')}>
        ${Object.keys(STEPS).map(
          (each) =>
            html` <label>
              <input type="radio" name="step" checked=${each === step} onChange=${() => setStep(each)} />
              <span>${t(each)}</span>
            </label>`,
        )}
      </div>
      ${
        step === 'mute' &&
        html`<${Field} label=${t('mute_minutes')}>
          <input type="number" min="1" max="43200" required value=${minutes} onInput=${(event) => setMinutes(event.target.value)} />
        <//>`
      }
      ${step === 'ban' && html`<p class="soft">${t('ban_ask')}</p>`}
      <${Field} label=${t('reason')}>
        <input required maxlength="200" list="reasons" value=${reason} onInput=${(event) => setReason(event.target.value)} />
        <datalist id="reasons">${REASONS.map((each) => html`<option value=${t(each)} />`)}</datalist>
      <//>
    <//>
  <//>`;
}

function Silences({ market, live, onClose }) {
  const [silenced, set] = useState(null);
  const load = async () => set((await attempt(market, 'ConsoleSilences', { roomId: live.id }))?.nodes ?? []);
  useEffect(() => {
    load();
  }, []);
  const lift = async ({ viewerId, kind }) => {
    await attempt(market, kind === 'BAN' ? 'ConsoleUnban' : 'ConsoleUnmute', { input: { roomId: live.id, viewerId } });
    await load();
  };
  const facts = ({ kind, until, reason }) =>
    [t(kind === 'BAN' ? 'banned' : 'muted'), until && moment(until), reason].filter(Boolean).join(' · ');
  return html`<${Dialog} title=${t('silenced')} onClose=${onClose}>
    ${silenced?.length === 0 && html`<p class="empty">${t('nobody_silenced')}</p>`}
    <ul class="found">
      ${silenced?.map(
        (each) =>
          html`<li key=${each.viewerId + each.kind}>
            <span class="about">
              <b><bdi>${each.name}</bdi></b>
              <small>${facts(each)}</small>
            </span>
            <button onClick=${() => lift(each)}>${t('lift')}</button>
          </li>`,
      )}
    </ul>
  <//>`;
}
