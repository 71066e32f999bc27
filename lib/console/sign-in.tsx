import { useSignal } from '@preact/signals';
import {
  register,
  sendCode,
  signInWithCode,
  signInWithPassword,
  signInWithToken,
  type Entrance,
} from './access.ts';
import { useButtonWork } from './button-work.ts';
import { Faults } from './faults.tsx';
import { Icon } from './icon.tsx';
import { t } from './language.ts';
import { LanguageSwitch } from './language-switch.tsx';

type Way = Entrance['ways'][number];
const wayNames = { password: 'wayPassword', telephone: 'wayTelephone', token: 'wayToken' } as const;

/** The page for people who are not signed in: every way that the server has. */
export function SignInPage({ entrance: { ways, providers, registration } }: { entrance: Entrance }) {
  const way = useSignal<Way>('password');
  const isNew = useSignal(false);
  const { isBusy, failure, begin } = useButtonWork();
  return (
    <main class="gate">
      <div class="card gate-card">
        <div class="gate-head">
          <Icon name="mark" />
          <LanguageSwitch />
        </div>
        <h1>{t(isNew.value ? 'register' : 'signIn')}</h1>
        <p class="soft">{t(isNew.value ? 'registerLead' : 'signInLead')}</p>
        {providers.map(({ name, title }) => (
          <a key={name} class="button" href={`/auth/login/${name}?return_to=%2F`}>
            {t('signInWith', { name: title })}
          </a>
        ))}
        {isNew.value ? (
          <RegisterForm isBusy={isBusy.value} attempt={begin} />
        ) : (
          <>
            <Ways ways={ways} chosen={way.value} choose={(one) => (way.value = one)} />
            <WayForm way={way.value} isBusy={isBusy.value} attempt={begin} />
          </>
        )}
        {failure.value && <Faults error={failure.value} />}
        {registration === 'approval' && isNew.value && <p class="soft small">{t('registerApproval')}</p>}
        {registration === 'closed' ? (
          <p class="soft small">{t('noAccount')}</p>
        ) : (
          <button type="button" class="quiet" onClick={() => (isNew.value = !isNew.value)}>
            {t(isNew.value ? 'haveAccount' : 'register')}
          </button>
        )}
      </div>
    </main>
  );
}

function Ways({ ways, chosen, choose }: { ways: readonly Way[]; chosen: Way; choose(way: Way): void }) {
  return (
    <div class="segments" role="group" aria-label={t('ways')}>
      {ways.map((one) => (
        <button key={one} type="button" aria-pressed={chosen === one} onClick={() => choose(one)}>
          {t(wayNames[one])}
        </button>
      ))}
    </div>
  );
}

interface FormProps {
  /** Whether the work of a form runs. Its button says so, and does nothing then. */
  isBusy: boolean;
  /** Runs the work of a form, and shows its refusal. */
  attempt(work: () => Promise<void>): void;
}

function WayForm({ way, ...rest }: FormProps & { way: Way }) {
  if (way === 'telephone') return <TelephoneForm {...rest} />;
  return way === 'token' ? <TokenForm {...rest} /> : <PasswordForm {...rest} />;
}

/** The text of a field of a form. Only a password may begin or end with a space. */
function fieldOf(event: Event, name: string): string {
  const value = new FormData(event.currentTarget as HTMLFormElement).get(name);
  if (typeof value !== 'string') return '';
  return name === 'password' ? value : value.trim();
}

function PasswordForm({ isBusy, attempt }: FormProps) {
  const submit = (event: Event): void => {
    event.preventDefault();
    const [login, password] = [fieldOf(event, 'login'), fieldOf(event, 'password')];
    attempt(() => signInWithPassword(login, password));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <label>
        {t('nameOrEmail')}
        <input name="login" autocomplete="username" autocapitalize="none" required />
      </label>
      <label>
        {t('password')}
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {t('signIn')}
      </button>
    </form>
  );
}

function RegisterForm({ isBusy, attempt }: FormProps) {
  const submit = (event: Event): void => {
    event.preventDefault();
    const person = {
      email: fieldOf(event, 'email'),
      username: fieldOf(event, 'username'),
      password: fieldOf(event, 'password'),
    };
    attempt(() => register(person));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <label>
        {t('email')}
        <input name="email" type="email" autocomplete="email" required />
      </label>
      <label>
        {t('userName')}
        <input name="username" autocomplete="username" autocapitalize="none" required />
      </label>
      <label>
        {t('password')}
        <input name="password" type="password" autocomplete="new-password" required />
      </label>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {t('register')}
      </button>
    </form>
  );
}

/** Two steps in one form: the number gets a code, then the code is asked for. The number stays as it was sent. */
function TelephoneForm({ isBusy, attempt }: FormProps) {
  const isSent = useSignal(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const [telephone, code] = [fieldOf(event, 'telephone'), fieldOf(event, 'code')];
    attempt(async () => {
      if (isSent.value) return signInWithCode(telephone, code);
      await sendCode(telephone);
      isSent.value = true;
    });
  };
  return (
    <form class="stack" onSubmit={submit}>
      <label>
        {t('telephone')}
        <input name="telephone" type="tel" autocomplete="tel" required readOnly={isSent.value} />
      </label>
      {isSent.value && (
        <label>
          {t('code')}
          <input name="code" inputMode="numeric" autocomplete="one-time-code" required />
        </label>
      )}
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {t(isSent.value ? 'signIn' : 'sendCode')}
      </button>
    </form>
  );
}

function TokenForm({ isBusy, attempt }: FormProps) {
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = fieldOf(event, 'token');
    attempt(() => signInWithToken(token));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <label>
        {t('token')}
        <input name="token" type="password" autocomplete="off" aria-describedby="token-hint" required />
      </label>
      <p class="soft small" id="token-hint">
        {t('tokenHint')}
      </p>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {t('signIn')}
      </button>
    </form>
  );
}
