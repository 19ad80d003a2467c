// Signing in: as staff with a second factor, or as anybody where the development login is switched on.
import { html, useState } from './htm-preact.min.js';
import { Field, Form, say } from './parts.js';
import { Switches } from './switches.js';
import { t } from './words.js';

const isDevelopment = document.documentElement.dataset.logins.includes('development');

export function SignIn({ market, onSignedIn }) {
  const enter = async (name, input) => {
    try {
      const answer = market.signedIn(await market.ask(name, { input }));
      if (answer.code) {
        if (answer.code !== 'PASSWORD_CHANGE_NEEDED') say(answer.message, 'bad');
        return answer.code;
      }
      await onSignedIn();
    } catch (fault) {
      say(fault.message, 'bad');
    }
    return null;
  };
  return html` <main class="door">
    <section class="welcome">
      <span class="lantern big" aria-hidden="true"> </span>
      <p class="market-name">${t('market')}</p>
      <h1>${t('tagline')}</h1>
      <p>${t('tagline_more')}</p>
    </section>
    <section class="card ways">
      <div class="switches">
        <${Switches} />
      </div>
      <h2>${t('console')}</h2>
      <${StaffLogin} enter=${enter} />
      ${isDevelopment && html`<${DevelopmentLogin} enter=${enter} />`}
    </section>
  </main>`;
}

function StaffLogin({ enter }) {
  const [given, set] = useState({ username: '', password: '', totp: '', newPassword: '' });
  const [mustChange, setMustChange] = useState(false);
  const typed = (name) => ({
    value: given[name],
    onInput: (event) => set({ ...given, [name]: event.target.value }),
    required: true,
  });
  const act = async () => {
    const { newPassword, ...input } = given;
    const code = mustChange ? await enter('ChangeStaffPassword', { ...input, newPassword }) : await enter('SignInAsStaff', input);
    if (code === 'PASSWORD_CHANGE_NEEDED') setMustChange(true);
    set((now) => ({ ...now, totp: '' })); // each is good for one try
  };
  return html`<${Form} act=${act} label=${t(mustChange ? 'change_password' : 'sign_in')}>
    <${Field} label=${t('username')}>
      <input autocomplete="username" autocapitalize="none" ...${typed('username')} />
    <//>
    <${Field} label=${t('password')}>
      <input type="password" autocomplete="current-password" ...${typed('password')} />
    <//>
    ${
      mustChange &&
      html`<${Field} label=${t('new_password')} hint=${t('new_password_hint')}>
        <input type="password" autocomplete="new-password" minlength="12" ...${typed('newPassword')} />
      <//>`
    }
    <${Field} label=${t('totp')} hint=${t('totp_hint')}>
      <input inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" ...${typed('totp')} />
    <//>
  <//>`;
}

function DevelopmentLogin({ enter }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('HOST');
  const act = () => enter('SignInForDevelopment', { name, roles: [role] });
  return html`<details class="development" open>
    <summary>${t('development_login')}</summary>
    <p>
      <small>${t('development_hint')}</small>
    </p>
    <${Form} act=${act} label=${t('development_login')}>
      <div class="pair">
        <${Field} label=${t('name')}>
          <input required maxlength="64" value=${name} onInput=${(event) => setName(event.target.value)} />
        <//>
        <${Field} label=${t('role')}>
          <select value=${role} onChange=${(event) => setRole(event.target.value)}>
            ${['HOST', 'MERCHANDISER', 'ADMIN'].map((each) => html`<option value=${each}>${t(`role_${each}`)}</option>`)}
          </select>
        <//>
      </div>
    <//>
  </details>`;
}
