// The console: signs in, shows my rooms and the page of members, and opens the desk of a room.
import { html, render, useEffect, useState } from './htm-preact.min.js';
import { Market } from './market.js';
import { Icon, say, Toasts } from './parts.js';
import { Desk } from './desk.js';
import { isStaff, Members } from './members.js';
import { Rooms } from './rooms.js';
import { SignIn } from './signing_in.js';
import { Switches } from './switches.js';
import { language, t } from './words.js';

const market = new Market('market.console', language());
document.title = `${t('console')} · ${t('market')}`;

/** The room that the address names, after #/rooms/; null on the list. */
const roomInAddress = () => location.hash.match(/^#\/rooms\/([\w]+)$/)?.[1] ?? null;
const isAtMembers = () => location.hash === '#/members';

function Console() {
  const [roomId, setRoom] = useState(roomInAddress());
  const [atMembers, setAtMembers] = useState(isAtMembers());
  const [viewer, setViewer] = useState(undefined);
  const look = () => market.ask('Viewer').then(setViewer, (fault) => [setViewer(null), say(fault.message, 'bad')]);
  useEffect(() => {
    const follow = () => [setRoom(roomInAddress()), setAtMembers(isAtMembers())];
    addEventListener('hashchange', follow);
    market.onSignedOut = () => setViewer(null);
    if (market.isSignedIn) look();
    else setViewer(null);
    return () => removeEventListener('hashchange', follow);
  }, []);
  if (viewer === undefined) return null;
  if (viewer === null) return html`<${SignIn} market=${market} onSignedIn=${look} /> <${Toasts} />`;
  const showsMembers = atMembers && isStaff(viewer);
  return html` <header class="bar">
      <a class="brand" href="#/">
        <${Lantern} />
        <b>${t('market')}</b>
        <span>${t('console')}</span>
      </a>
      ${
        isStaff(viewer) &&
        html`<nav class="places" aria-label=${t('console')}>
          <a href="#/" aria-current=${showsMembers ? null : 'page'}>${t('my_rooms')}</a>
          <a href="#/members" aria-current=${showsMembers ? 'page' : null}>${t('members')}</a>
        </nav>`
      }
      <${Switches} />
      <button class="bare" title=${t('sign_out')} aria-label=${t('sign_out')} onClick=${() => market.signOut()}>
        <${Icon} name="leave" />
      </button>
    </header>
    ${roomId && html`<${Desk} key=${roomId} market=${market} roomId=${roomId} viewer=${viewer} />`}
    ${showsMembers && html`<${Members} market=${market} viewer=${viewer} />`}
    ${!roomId && !showsMembers && html`<${Rooms} market=${market} viewer=${viewer} />`}
    <${Toasts} />`;
}

const Lantern = () => html`<span class="lantern" aria-hidden="true"> </span>`;

render(html`<${Console} />`, document.getElementById('page'));
